#!/usr/bin/env node
/** The `tutti` command. Owns the exit code, and how a failure is said; what may be asked is in `program.ts`. */
import { CommanderError } from 'commander'
import { TuttiError } from '../errors/index.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { declareProgram } from './program.ts'
import { recordOf, sayError } from './say-error.ts'
import { systemTerminal } from './terminal.ts'

quietSqlite()
process.stdout.on('error', endQuietly)
const code = await main(process.argv.slice(2))
// What still waits (a model that was given up, an embedding ahead of its time) does not hold the person up; what was written is written first.
process.stdout.write('', () => process.exit(code))

async function main(args: readonly string[]): Promise<number> {
  const terminal = systemTerminal()
  let answered: number = exitCode.done
  const program = declareProgram((load) => async (...given) => {
    // The last is the command itself.
    given.pop()
    checkNode()
    answered = await (await load())(terminal, ...given)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return answered
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCode.done
    // Without a command, the help has been shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCode.usage
    const said = error instanceof CommanderError ? usageError(error) : error
    sayError(terminal, said, { json: args.includes('--json'), verbose: args.includes('--verbose') })
    return exitCodeOf(recordOf(said).code)
  }
}

function usageError(error: CommanderError): TuttiError {
  const says = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  return new TuttiError('CONFIG_USAGE', says, { hint: '`npx tutti --help` lists the commands, `npx tutti COMMAND --help` their options.' })
}

/** @throws JOURNAL_NODE_TOO_OLD */
function checkNode(): void {
  if (process.getBuiltinModule?.('node:sqlite')) return
  throw new TuttiError('JOURNAL_NODE_TOO_OLD', `Node ${process.version} has no node:sqlite`, {
    hint: 'Use a current release of Node 22 or 24: 22.23 and 24.21 are known to do.',
  })
}

/** Node 22 warns of SQLite at every start; who types a command cannot do anything about it. */
function quietSqlite(): void {
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = (...args: unknown[]) => {
    if (!String(args[0]).includes('SQLite')) emit(...args)
  }
}

/** Whoever read from us has gone (`tutti runs | head`). */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(exitCode.done)
  throw error
}
