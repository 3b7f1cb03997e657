import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { declareProgram } from './program.ts'

const program = declareProgram(() => async () => {})
const schedule = program.commands.find((command) => command.name() === 'schedule') as Command

it.each(['list', 'next', 'pause', 'resume', 'run', 'add', 'remove'])('[R12] schedule %s --help says how it is used, with an example', (name) => {
  const command = schedule.commands.find((each) => each.name() === name) as Command
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  expect(help).toMatch(new RegExp(`^Usage: tutti schedule ${name} [^]*--json[^]*\nExample: npx tutti schedule ${name}`))
})

it('[R12] there is no other schedule command', () => {
  expect(schedule.commands.map((command) => command.name()).toSorted()).toEqual(['add', 'list', 'next', 'pause', 'remove', 'resume', 'run'])
})
