/** What may be asked of the command: its subcommands and their options. Each subcommand is loaded when it is asked for, so that `--help` is quick. */
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { exitCodeHelp } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** One subcommand: its arguments and options as declared here; answers the exit code. */
// biome-ignore lint/suspicious/noExplicitAny: what commander hands over is what was declared beside it
export type Subcommand = (terminal: Terminal, ...given: any[]) => Promise<number>
/** Carries a subcommand out. */
export type Act = (load: () => Promise<Subcommand>) => (...given: unknown[]) => Promise<void>

export function declareProgram(act: Act): Command {
  const program = new Command('tutti')
    .description('Ask the documentation installed here; look at runs, go on with them, cancel them.')
    .version(version())
    // What follows a subcommand is its own, also where the command above has an option of that name.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()
    .addHelpText('after', exitCodeHelp)
  declareQuestions(program, act)
  declareRuns(program, act)
  declareSchedules(program, act)
  app(command(program, 'flows [name]', 'the flows of your module, with what each is made of; nothing runs'))
    .option('--mermaid', 'as Mermaid flowcharts, for a Markdown page')
    .addHelpText('after', '\nExample: npx tutti flows desk --app app.ts --mermaid')
    .action(act(async () => (await import('./draw.ts')).flows))
  declareTools(program, act)
  app(command(program, 'doctor', 'what works here, what does not, and what to do about it')).action(act(async () => (await import('./doctor.ts')).doctor))
  return program
}

function declareQuestions(program: Command, act: Act): void {
  corpus(command(program, 'ask <question...>', 'answer from the documentation installed here, every quote checked; - reads the question from a pipe'))
    .option('--budget <usd>', 'spend no more than so much', amount)
    .option('--model <id>', "which model answers, as in 'openai/gpt-5-mini'")
    .option('--deadline <duration>', "end it after so long, as in '60s'")
    .option('--words', 'search by words alone, not by meaning: quicker, and finds less')
    .option('--top <n>', 'passages for each search', count, 6)
    .action(act(async () => (await import('./ask.ts')).ask))
  corpus(command(program, 'ingest', 'read the documentation into the index; ask does so by itself'))
    .option('--embed', 'compute all that is needed to search by meaning now, not when it is asked for')
    .action(act(async () => (await import('./ingest.ts')).ingest))
}

function declareSchedules(program: Command, act: Act): void {
  app(command(program, 'worker', 'drive all that is due of your flows (queued, scheduled, woken) until Ctrl-C; --json prints one line an event'))
    .option('--grace <duration>', 'what is under way may finish for so long at the end', '10s')
    .option('--engine <name>', 'embedded or restate (default: $TUTTI_ENGINE, else embedded)')
    .option('--port <port>', 'with --engine restate: where Restate finds this worker (default: 9080; $TUTTI_RESTATE_SERVE)', count)
    .option('--host <address>', 'with --engine restate: the address to listen at (default: 127.0.0.1)')
    .option('--advertise <url>', 'with --engine restate: how Restate reaches the workers, when that is another address ($TUTTI_RESTATE_ADVERTISE)')
    .addHelpText('after', '\nExample: npx tutti worker --app app.ts\n         npx tutti worker --app app.ts --engine restate --port 9080')
    .action(act(async () => (await import('./worker.ts')).worker))
  const schedule = program.command('schedule').description('what starts flows by the clock: list, next, pause, resume, run, add, remove')
  const load = async () => import('./schedule.ts')
  command(schedule, 'list', 'the schedules of this store, with when they come next')
    .addHelpText('after', '\nExample: npx tutti schedule list')
    .action(act(async () => (await load()).listSchedules))
  command(schedule, 'next <name>', 'its next instants, in its time zone')
    .option('--count <n>', 'how many', count, 5)
    .addHelpText('after', '\nExample: npx tutti schedule next nightly --count 3')
    .action(act(async () => (await load()).nextInstants))
  command(schedule, 'pause <name>', 'it starts nothing until it is resumed')
    .addHelpText('after', '\nExample: npx tutti schedule pause nightly')
    .action(act(async () => (await load()).pauseSchedule))
  command(schedule, 'resume <name>', 'it goes on from now')
    .addHelpText('after', '\nExample: npx tutti schedule resume nightly')
    .action(act(async () => (await load()).resumeSchedule))
  app(command(schedule, 'run <name>', 'start a run of it now, and drive it to its end'))
    .addHelpText('after', '\nExample: npx tutti schedule run nightly --app app.ts')
    .action(act(async () => (await load()).runSchedule))
  command(schedule, 'add <name> <flow> [input]', 'keep a schedule in the store, for any process that drives this flow')
    .option('--cron <expression>', 'minute, hour, day, month, weekday')
    .option('--every <duration>', "as in '15m', instead of --cron")
    .option('--tz <zone>', 'the time zone of --cron (default: UTC)')
    .option('--missed <policy>', 'what becomes of instants at which nobody was there: last (default), all or skip')
    .option('--overlap <policy>', 'while its last run goes on: skip (default), queue or allow')
    .option('--jitter <duration>', 'start up to so much later')
    .option('--tenant <name>', 'whose runs they are')
    .addHelpText('after', `\nExample: npx tutti schedule add nightly --cron '0 3 * * *' --tz Europe/Berlin report '{"days":1}'`)
    .action(act(async () => (await load()).addSchedule))
  command(schedule, 'remove <name>', 'forget it')
    .addHelpText('after', '\nExample: npx tutti schedule remove nightly')
    .action(act(async () => (await load()).removeSchedule))
}

function declareTools(program: Command, act: Act): void {
  const load = async () => import('./tools.ts')
  const tools = app(command(program, 'tools', 'the approved tools of MCP servers; with --app FILE, what the servers offer now and what changed'))
    .enablePositionalOptions()
    .addHelpText('after', '\nExample: npx tutti tools --app app.ts')
    .action(act(async () => (await load()).tools))
  app(command(tools, 'approve [names...]', 'approve what servers offer now: all of it, that of SERVER, or SERVER/TOOL alone'))
    .addHelpText('after', '\nExample: npx tutti tools approve files/read_file --app app.ts')
    .action(act(async () => (await load()).approveTools))
  const mcp = program.command('mcp').description('for clients of the Model Context Protocol: docs, serve')
  app(command(mcp, 'serve', 'serve your flows, agents and tools as MCP tools over standard input and output, until the client is gone'))
    .option('--http <port>', 'over Streamable HTTP instead, on this machine, until Ctrl-C; 0 is any port', wholeNumber)
    .option('--expose <names>', 'only these flows and tools; several with commas (default: every flow and tool that the module exports)', listed)
    .addHelpText('after', '\nExample: npx tutti mcp serve --app app.ts --expose desk,find_order')
    .action(act(async () => (await import('./mcp-serve.ts')).mcpServe))
  command(mcp, 'docs', 'serve the documentation of the packages installed here, in exactly these versions, to coding agents; until the client is gone')
    .option('--http <port>', 'over Streamable HTTP instead, on this machine, until Ctrl-C; 0 is any port', wholeNumber)
    .option('--project <dir>', 'where the packages are installed (default: here, or in the nearest folder above)')
    .option('--package <name>', 'only this package, and tutti; may be given again', several)
    .option('--all', 'every installed package, not only those that the project names')
    .addHelpText(
      'after',
      '\nExample: npx tutti mcp docs --package zod\nIn the file of a client: { "mcpServers": { "docs": { "command": "npx", "args": ["tutti", "mcp", "docs"] } } }',
    )
    .action(act(async () => (await import('./mcp-docs.ts')).mcpDocs))
}

function declareRuns(program: Command, act: Act): void {
  command(program, 'runs', 'list the runs, newest first')
    .option(
      '--status <status>',
      'queued, running, stopped, waiting, suspended (or why: paused, diverged, crash-loop), completed, failed or cancelled; may be given again',
      several,
    )
    .option('--flow <name>', 'only of this flow')
    .option('--label <name=value>', 'only with this label; may be given again', several)
    .option('--waiting', 'only those that wait for an answer (a signal, an approval, an effect in doubt), each with the command that gives it')
    .option('--stranded', 'only those that have not ended and whose flow or version is not there any more; with --app FILE, not in that module either')
    .option('--app <file>', 'with --stranded: a module whose `flows` (or default) export holds your flows')
    .option('--limit <n>', 'how many', count, 20)
    .action(act(async () => (await import('./runs.ts')).runs))
  app(command(program, 'budgets', 'what tenants, users and flows have used of their standing budgets'))
    .option('--per <what>', 'only those of a tenant, a user or a flow')
    .option('--tenant <tenant>', 'only of this tenant and its users')
    .option('--user <user>', 'only of this user')
    .option('--flow <name>', 'only of this flow')
    .option('--past', 'periods that are over, too')
    .addHelpText('after', '\nExample: npx tutti budgets --per tenant --past')
    .action(act(async () => (await import('./budgets.ts')).budgets))
  command(program, 'show <run>', "the steps of a run, with time, tokens and money; 'last' is the newest")
    .option('--values', 'inputs and outputs too, shortened')
    .option('--all', 'every item of a map on a line of its own')
    .action(act(async () => (await import('./show.ts')).show))
  app(command(program, 'resume <run>', 'go on with a run to its end, also with one that was paused or that stopped')).action(
    act(async () => (await import('./resume.ts')).resume),
  )
  declareDebugging(program, act)
  command(program, 'cancel <run>', 'end a run, whoever drives it')
    .option('--reason <text>', 'is recorded with it', 'cancelled from the command line')
    .action(act(async () => (await import('./cancel.ts')).cancel))
  command(program, 'pause <run>', 'let a run stand still until resume or cancel; what is under way finishes, its deadline keeps running')
    .option('--reason <text>', 'is recorded with it', 'paused from the command line')
    .addHelpText('after', '\nExample: tutti pause last --reason "the bank is closed"')
    .action(act(async () => (await import('./pause.ts')).pause))
  command(program, 'export <run>', 'write a run to one file, for another store or for safe keeping')
    .option('-o, --output <file>', 'default: standard output')
    .addHelpText('after', '\nExample: npx tutti export last -o run.jsonl')
    .action(act(async () => (await import('./export.ts')).exportCommand))
  command(program, 'import <file>', 'put an exported run into this store, whole or not at all')
    .addHelpText('after', '\nExample: npx tutti import run.jsonl')
    .action(act(async () => (await import('./import.ts')).importCommand))
  prune(command(program, 'prune [runs...]', 'remove runs that have ended, by name or by what they are like')).action(
    act(async () => (await import('./prune.ts')).prune),
  )
  command(program, 'erase', 'remove all runs of a tenant, or of one user, and destroy the keys they were sealed with')
    .requiredOption('--tenant <tenant>', 'whose runs')
    .option('--user <user>', 'only of this user of the tenant')
    .option('--force', 'cancel those that have not ended and remove them too, and remove schedules')
    .addHelpText('after', '\nExample: npx tutti erase --tenant acme --user ada\nThe key of an encrypted journal is read from TUTTI_KEY.')
    .action(act(async () => (await import('./erase.ts')).erase))
  command(program, 'signal <run> <name> <json>', 'send a run what it waits for, whoever drives it')
    .option('--key <key>', 'for the wait at this key, and no other')
    .option('--id <id>', 'sent again under one id, it is delivered once')
    .action(act(async () => (await import('./signal.ts')).signal))
  command(program, 'approve <run>', 'let a tool call that waits for a person be made')
    .option('--key <key>', 'which of several')
    .option('--deny', 'let it not be made')
    .option('--why <text>', 'with --deny: what the model is told')
    .option('--edit <json>', 'other arguments than the model chose')
    .option('--always [fields]', 'later calls of this tool in this run too; with JSON of fields, those whose arguments have them')
    .action(act(async () => (await import('./approve.ts')).approve))
  command(program, 'grant <run>', 'raise the limits of a run, and go on with what waits for it')
    .option('--usd <usd>', 'so much more money', amount)
    .option('--tokens <n>', 'so many more tokens, read and written together', count)
    .option('--input-tokens <n>', 'read alone', count)
    .option('--output-tokens <n>', 'written alone', count)
    .option('--model-calls <n>', 'so many more calls of models', count)
    .option('--tool-calls <n>', 'so many more calls of tools', count)
    .addHelpText('after', '\nExample: npx tutti grant last --usd 0.50')
    .action(act(async () => (await import('./grant.ts')).grant))
  command(program, 'forecast <flow> [input]', 'what a run of a flow may cost and take, from those that were completed')
    .option('--flow-version <version>', 'of which version (default: that of the newest)')
    .addHelpText('after', `\nExample: npx tutti forecast report '{"days":1}'`)
    .action(act(async () => (await import('./forecast.ts')).forecast))
  command(program, 'resolve <run> <step>', 'say what became of an effect that is in doubt')
    .option('--done', 'it happened')
    .option('--not-done', 'it certainly did not happen: it may be tried again')
    .option('--value <json>', 'what it returned, with --done')
    .action(act(async () => (await import('./resolve.ts')).resolve))
}

/** What reads the record of a run, or goes another way from it. */
function declareDebugging(program: Command, act: Act): void {
  app(command(program, 'replay <run>', 'run a run again from its record alone, and compare: nothing is asked of anyone'))
    .addHelpText('after', '\nExample: npx tutti replay last --app src/flows.ts')
    .action(act(async () => (await import('./replay.ts')).replay))
  command(program, 'diff <a> <b>', 'what changed from one run to another, step by step')
    .addHelpText('after', '\nExample: npx tutti diff run_1m82dk0qqz0hfm15209a last')
    .action(act(async () => (await import('./diff.ts')).diff))
  app(command(program, 'fork <run>', 'run it again from one of its steps on, with something changed; what stays the same is taken over'))
    .option('--at <key>', 'the step, or the scope, where it leaves the run; default: its beginning')
    .option('--output <json>', 'what that step gave instead')
    .option('--model <id>', 'another model, for the agent of that step')
    .option('--instructions <text>', 'other instructions, for the agent of that step')
    .option('--agent <name>', 'without --at: whose model and instructions are other')
    .option('--redo <step>', 'do this step again though it is asked the same: its code is another; may be given again', several)
    .option('--budget <usd>', 'spend no more than so much on what is done anew', amount)
    .addHelpText('after', '\nExample: npx tutti fork last --at desk/triage/turn:1 --model openai/gpt-5-mini --app src/flows.ts')
    .action(act(async () => (await import('./fork.ts')).fork))
  declareRegress(program, act)
  command(program, 'why <run> [step]', 'what stands behind the end of a run, or the outcome of a step: the longest way to it, and what it cost')
    .addHelpText('after', '\nExample: npx tutti why last desk/answer/turn:2')
    .action(act(async () => (await import('./why.ts')).why))
}

function declareRegress(program: Command, act: Act): void {
  app(command(program, 'regress <flow>', 'run the last runs of a flow again against the code as it is now; what is asked the same costs nothing'))
    .option('--last <n>', 'how many of those that ended', count, 20)
    .option('--run <run>', 'this run, and no others but those named; may be given again', several)
    .option('--since <when>', "begun since then: a date, or how long ago, as in '7d'")
    .option('--label <name=value>', 'with this label; may be given again', several)
    .option('--model <id>', 'another model, for all agents or that of --agent')
    .option('--instructions <text>', 'other instructions, for the agent there is or that of --agent')
    .option('--agent <name>', 'whose model and instructions are other')
    .option('--redo <step>', 'do this step again though it is asked the same: its code is another; may be given again', several)
    .option('--budget <usd>', 'spend no more than so much on all of it', amount)
    .addOption(new Option('--budget-usd <usd>').argParser(amount).hideHelp())
    .option('--concurrency <n>', 'runs at once (default: 4, under a budget 1)', count)
    .option('--idempotent', 'let tools and steps that are idempotent be done with inputs they never had')
    .option('--fail-on <what>', 'changed, failed or cost: exit with 1 then; may be given again (default: failed)', several)
    .option('--id <id>', 'go on with the regression of this id')
    .addHelpText('after', '\nExample: npx tutti regress desk --app src/flows.ts --last 20 --budget 0.50 --fail-on changed')
    .action(act(async () => (await import('./regress.ts')).regressCommand))
}

/** With what every command takes. */
const command = (program: Command, usage: string, says: string): Command =>
  program
    .command(usage)
    .description(says)
    .allowExcessArguments(false)
    .option('--home <dir>', 'where tutti keeps its things (default: $TUTTI_HOME, else .tutti)')
    .option('--json', 'one JSON document on standard output')
    .option('--verbose', 'show where an error happened')

const corpus = (of: Command): Command =>
  of
    .option('--docs <place>', 'files, a folder or a pattern instead of the installed packages; may be given again', several)
    .option('--package <name>', 'only this package; may be given again', several)
    .option('--all', 'every installed package, not only those that the project names')

const prune = (of: Command): Command =>
  of
    .option('--older-than <duration>', "ended longer ago than this, as in '30d'")
    .option('--before <date>', "ended before this, as in '2026-01-31'")
    .option('--status <statuses>', 'completed, failed, cancelled; several with commas', listed)
    .option('--flow <name>', 'only of this flow')
    .option('--tenant <tenant>', 'only of this tenant')
    .option('--user <user>', 'only of this user')
    .option('--label <name=value>', 'only with this label; may be given again', several)
    .option('--keep-last <n>', 'the newest so many are kept, however old they are', wholeNumber)
    .option('--archive <dir>', 'write each run to a file of this folder before it is removed; `tutti import` takes it back')
    .option('--dry-run', 'say what would be removed, and touch nothing')
    .addHelpText('after', '\nExample: npx tutti prune --older-than 30d --status completed --archive archive --dry-run')

const app = (of: Command): Command => of.option('--app <file>', 'a module whose `flows` (or default) export holds your flows')

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

const listed = (value: string, before: readonly string[] = []): readonly string[] => [...before, ...value.split(',')]

function amount(text: string): number {
  const value = Number(text.replace(/^\$/, ''))
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It is an amount of USD, as in 0.05.')
  return value
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number from 1.')
  return value
}

function wholeNumber(text: string): number {
  return text === '0' ? 0 : count(text)
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}
