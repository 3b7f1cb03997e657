/**
 * The demo: three questions answered from installed documentation, a crash drill, a budget drill. Nothing is asked of the network, and nothing is
 * shown that was not just measured.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { tutti } from 'tutti'
import { installedPackages } from 'tutti/retrieval'
import { budgetDrill } from './budget.ts'
import { desk, shelves, survey } from './desk.ts'
import { crashDrill } from './drill.ts'

process.chdir(join(import.meta.dirname, '..'))
const home = '.tutti/demo'
process.env.TUTTI_HOME = home

const questions = [
  'How do I stop a tool loop after a number of steps?',
  'How do I declare a required option?',
  'How can I serialise a value of my own class with devalue?',
]
const surveyQuestions = [
  'How do I stream text from a model?',
  'How do I add a subcommand?',
  'What does fast-check do when a property fails?',
  'How are repeated references handled when a value is serialised?',
  'How do I handle errors from a provider?',
  'How do I give an option a default value?',
]

const say = (text = ''): void => console.log(text)
const dim = (text: string): string => styleText('dim', text)
const bold = (text: string): string => styleText('bold', text)
const good = (text: string): string => styleText('green', text)
const title = (number: number, text: string): void => say(`\n${bold(`${number}. ${text}`)}`)
const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`

await rm(home, { recursive: true, force: true })
const packages = await installedPackages('.', { all: true })
const packageOf = (source: string): string => {
  const found = packages.find(({ dir }) => source.startsWith(`${dir}/`))
  return found ? `${found.name}@${found.version}` : source
}

say(bold('tutti: questions about the libraries that this repository really uses, answered from the documentation installed with them.'))
say(dim(`No account, no key, no network. Every step below is an entry of a journal in ${process.env.TUTTI_STORE ? 'Postgres' : '.tutti/demo/tutti.db'}.`))

// ── the documentation ──
title(1, 'Reading the documentation')
const app = tutti({ flows: [desk, survey, ...Object.values(shelves).map(({ index }) => index.ingest)], resume: false })
for (const [topic, shelf] of Object.entries(shelves)) {
  const begun = performance.now()
  const read = packages.filter(({ name, direct }) => direct && (shelf.packages as readonly string[]).includes(name))
  const { output } = await app.run(shelf.index.ingest, { from: read.map(({ dir }) => dir) })
  say(
    `   ${topic.padEnd(16)} ${String(output.added).padStart(4)} documents in ${seconds(begun)}   ${dim(read.map(({ name, version }) => `${name}@${version}`).join(', '))}`,
  )
  for (const { path, why } of output.skipped) say(dim(`   skipped ${path}: ${why}`))
}

// ── the questions ──
title(2, 'Three questions: check → route by topic → retrieve → answer with citations → verify')
let lastRun = ''
let verified = 0
let quoted = 0
for (const question of questions) {
  const begun = performance.now()
  const handle = await app.start(desk, question, { budget: { usd: 0.05 }, deadline: '60s' })
  const steps: string[] = []
  for await (const event of handle.events()) if (event.type === 'step.completed') steps.push(event.key.split('/').slice(1).join('/'))
  const { output, usage } = await handle.result()
  lastRun = handle.id
  say(`\n   ${bold(question)}`)
  say(`   ${output.text.replaceAll('\n', '\n   ')}`)
  for (const proof of output.proofs) say(proofLine(proof))
  say(dim(`   ${steps.length} recorded steps in ${seconds(begun)}: ${steps.join(' → ')}`))
  say(dim(`   ${usage.modelCalls} model calls, $${usage.usd.toFixed(4)} of a budget of $0.05; run ${handle.id}`))
}
say(`\n   ${good('✔')} ${verified} of ${quoted} quotes found in the file they name, at the line they name`)

function proofLine({ quote, ok, at }: { quote: string; ok: boolean; at: string }): string {
  quoted++
  if (ok) verified++
  const shown = quote.replaceAll(/\s+/g, ' ')
  return `   ${ok ? good('✔') : styleText('red', '✘')} “${shown.length > 110 ? `${shown.slice(0, 110)}…` : shown}”\n     ${dim(`${packageOf(at)}  ${at}`)}`
}

// ── the crash ──
title(3, 'The drill: kill -9 in the middle of a run')
await app.close()
const drill = await crashDrill({ home, run: `survey-${Date.now()}`, questions: surveyQuestions, after: 11 })
say(`   process ${drill.killedPid} began one run over ${surveyQuestions.length} questions, two at a time, and was killed with SIGKILL.`)
say(
  `   process ${drill.resumedPid} resumed the same run from the journal; it ${drill.status === 'run.completed' ? 'completed' : `ended with ${drill.status}`}.`,
)
say(`   ${String(drill.reused.length).padStart(4)} steps reused from the journal   ${dim(sample(drill.reused))}`)
say(`   ${String(drill.ran.length).padStart(4)} steps ran after the kill         ${dim(sample(drill.ran))}`)
say(`   ${String(drill.lost.length).padStart(4)} under way at the kill, without an outcome: begun again, as attempt 2   ${dim(sample(drill.lost))}`)
say(`   ${drill.repeated.length === 0 ? good('✔') : styleText('red', '✘')} recorded steps repeated: ${drill.repeated.length} of ${drill.reused.length}`)

function sample(keys: readonly string[]): string {
  const short = keys.map((key) => key.split('/').slice(1).join('/'))
  return short.length > 3 ? `${short.slice(0, 3).join(', ')}, …` : short.join(', ')
}

// ── the budget ──
title(4, 'The budget drill: eight delegations at once against one limit')
const budget = await budgetDrill()
const within = budget.calls <= budget.limit
say(`   ${budget.delegations} delegates want ${budget.wanted} model calls; the run may make ${budget.limit}.`)
say(
  `   ${within ? good('✔') : styleText('red', '✘')} calls made: ${budget.calls}, counted by the model itself; over the limit: ${Math.max(0, budget.calls - budget.limit)}`,
)
say(`     ${budget.finished} delegates finished, ${budget.refused.length} were refused before their call went out (${[...new Set(budget.refused)].join(', ')})`)
say(dim('     For comparison: a TypeScript agent framework of today, measured with the same limit of 9 and 8 parallel delegations, let 16 calls through.'))

say(`\n${bold('Next:')} look at the steps of the last answer, with time, tokens and money:\n`)
say(`   npm run tutti -- show ${lastRun} --home ${home}\n`)
process.exitCode = within && drill.repeated.length === 0 && drill.status === 'run.completed' && verified === quoted && quoted > 0 ? 0 : 1
