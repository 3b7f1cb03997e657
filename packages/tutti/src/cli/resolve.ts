import { TuttiError } from '../errors/index.ts'
import { messageId } from '../journal/index.ts'
import { encode } from '../primitives/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, nextCommand, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { RunPicture } from './picture.ts'
import { engineReaching } from './run-reach.ts'
import { jsonOf } from './signal.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface ResolveOptions extends CommonOptions {
  readonly done?: boolean | undefined
  readonly notDone?: boolean | undefined
  /** JSON. */
  readonly value?: string | undefined
}

/** `tutti resolve RUN STEP`: what a person found out about an effect that is in doubt. */
export async function resolve(terminal: Terminal, reference: string, step: string, o: ResolveOptions): Promise<number> {
  if (o.done === o.notDone)
    throw new TuttiError('CONFIG_USAGE', 'say either --done or --not-done', { hint: 'Find out first whether it happened: a guess can make it happen twice.' })
  const value = o.value === undefined ? undefined : jsonOf(o.value, '--value')
  const home = homeOf(terminal, o)
  return withRun(home, reference, async (store, head) => {
    const { run } = head
    const picture = new RunPicture()
    for await (const entry of store.read(run)) picture.take(entry)
    const doubted = [...picture.all()].filter(({ state }) => state === 'doubted')
    const doubt = doubted.find(({ key }) => key === step)
    if (!doubt) {
      const hint = doubted.length > 0 ? `In doubt: ${doubted.map(({ key }) => key).join(', ')}` : 'Nothing in this run is in doubt.'
      throw new TuttiError('CONFIG_USAGE', `'${step}' of ${run} is not in doubt`, { hint })
    }
    const verdict = o.done ? 'done' : 'not-done'
    const engine = engineReaching(head, store, terminal)
    await engine.post(run, {
      id: messageId(),
      type: 'resolve',
      key: step,
      attempt: doubt.attempts,
      verdict,
      ...(value === undefined ? {} : { value: encode(value) }),
    })
    await engine.close({ graceMs: 0 })
    if (o.json) printJson(terminal.out, { run, step, verdict })
    else printLine(terminal.out, `Noted: '${step}' ${saidOf(verdict, value)}. The process that drives the run goes on, or: ${nextCommand(home, 'resume', run)}`)
    return exitCode.done
  })
}

const saidOf = (verdict: 'done' | 'not-done', value: unknown): string =>
  verdict === 'not-done' ? 'did not happen' : value === undefined ? 'happened, and gave nothing (--value says what it gave)' : 'happened'
