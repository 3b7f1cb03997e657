/** How a run that was watched ended: said to a person or as JSON, and as an exit code. */
import type { OpenWait } from '../journal/index.ts'
import { ownSignal } from '../run/index.ts'
import type { Driven } from './drive.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { type Home, nextCommand } from './home.ts'
import { inOneLine, paintFor } from './paint.ts'
import type { RunPicture } from './picture.ts'
import { sayMs, sayTokens, sayUsd } from './quantity.ts'
import { errorLines, recordOf } from './say-error.ts'
import { modelsOf } from './show.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'
import { answerCommand, queuedLine } from './waits.ts'

export interface FinishOptions<O> {
  readonly json?: boolean | undefined
  /** Says the output of a completed run. */
  print(output: O): void
  /** Where the output asks for another than 0. */
  exitCode?: ((output: O) => number) | undefined
  /** The output as JSON says it. Default: as it is. */
  toJson?: ((output: O) => unknown) | undefined
}

export function finish<O>(terminal: Terminal, home: Home, { outcome, picture, interrupted }: Driven<O>, o: FinishOptions<O>): number {
  const { run } = picture
  if (interrupted) return sayInterrupted(terminal, home, picture, o.json)
  if (o.json) printJson(terminal.out, { ...summaryOf(picture), ...endOf(outcome, o.toJson) })
  switch (outcome.status) {
    case 'completed':
      if (!o.json) o.print(outcome.output)
      return o.exitCode?.(outcome.output) ?? exitCode.done
    case 'queued': {
      if (!o.json) printLine(terminal.err, queuedLine(outcome))
      return exitCode.waiting
    }
    case 'waiting': {
      if (!o.json) for (const wait of outcome.for) printLine(terminal.err, waitLine(home, run, wait))
      return exitCode.waiting
    }
    case 'paused':
      if (!o.json) printLine(terminal.err, `Paused: ${inOneLine(outcome.reason)}. \`${nextCommand(home, 'resume', run)}\` goes on.`)
      return exitCode.waiting
    default: {
      if (!o.json)
        for (const line of [...errorLines(recordOf(outcome.error), paintFor(terminal.err)), `  ${footer(picture)}`, `  ${nextCommand(home, 'show', run)}`])
          printLine(terminal.err, line)
      return exitCodeOf(outcome.error.code)
    }
  }
}

function sayInterrupted(terminal: Terminal, home: Home, picture: RunPicture, json: boolean | undefined): number {
  const next = nextCommand(home, 'resume', picture.run)
  if (json) printJson(terminal.out, { ...summaryOf(picture), status: 'suspended', next })
  else printLine(terminal.err, `Interrupted. Go on with:\n  ${next}`)
  return exitCode.interrupted
}

function endOf<O>(outcome: Driven<O>['outcome'], toJson: ((output: O) => unknown) | undefined): object {
  switch (outcome.status) {
    case 'completed':
      return { output: toJson ? toJson(outcome.output) : outcome.output }
    case 'queued':
      return { status: 'queued', position: outcome.position, queued: outcome.queued }
    case 'waiting':
      return { status: 'waiting', waiting: outcome.for }
    case 'paused':
      return { status: 'suspended', why: 'paused', reason: outcome.reason }
    default:
      return { error: recordOf(outcome.error) }
  }
}

/** The facts of a run that every command says in the same way. */
function summaryOf(picture: RunPicture): object {
  const { run, flow, status, begun, last, used } = picture
  const { microUsd, ...counts } = used
  const [answered] = modelsOf(picture).slice(-1)
  return {
    run,
    flow,
    status,
    ms: last - begun,
    usage: { usd: microUsd / 1_000_000, ...counts },
    ...(answered ? { model: { id: answered.model, why: answered.why } } : {}),
  }
}

/** `run_… · 4.2 s · 1,204 in, 80 out · $0`. */
export function footer({ run, begun, last, used, budget }: RunPicture): string {
  const limit = budget?.usd === undefined ? '' : ` of ${sayUsd(budget.usd * 1_000_000)}`
  return [run, sayMs(last - begun), sayTokens(used), `${sayUsd(used.microUsd)}${limit}`].filter(Boolean).join(' · ')
}

function waitLine(home: Home, run: string, wait: Pick<OpenWait, 'signal' | 'key' | 'data'>): string {
  const { signal, key } = wait
  if (signal === ownSignal.resolve) return `In doubt whether '${key}' happened. Find out, then: ${answerCommand(home, run, wait)}`
  if (signal === ownSignal.grant)
    return `Waits at '${key}' for more budget. Grant it: \`${answerCommand(home, run, wait)}\`; then \`${nextCommand(home, 'resume', run)}\` goes on.`
  return `Waits at '${key}' for the signal '${signal}'. Answer with \`${answerCommand(home, run, wait)}\`; then \`${nextCommand(home, 'resume', run)}\` goes on.`
}
