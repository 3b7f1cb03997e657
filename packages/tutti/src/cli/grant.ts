import type { Budget } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { messageId } from '../journal/index.ts'
import { encode } from '../primitives/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, isEnded, nextCommand, standingOf, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { engineReaching } from './run-reach.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

const limits = ['usd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls'] as const

export type GrantOptions = CommonOptions & { readonly [limit in (typeof limits)[number]]?: number | undefined }

/** `tutti grant RUN --usd 0.5`: raises the limits of a run, and of the scopes that wait for it. */
export async function grant(terminal: Terminal, reference: string, o: GrantOptions): Promise<number> {
  const more: Budget = Object.fromEntries(limits.filter((name) => o[name] !== undefined).map((name) => [name, o[name]]))
  if (Object.keys(more).length === 0)
    throw new TuttiError('CONFIG_USAGE', 'say how much more: --usd, --tokens, --input-tokens, --output-tokens, --model-calls or --tool-calls')
  const home = homeOf(terminal, o)
  return withRun(home, reference, async (store, head) => {
    const { run, status } = head
    if (isEnded(head)) throw new TuttiError('RUN_FINISHED', `${run} has ended (${status}) and takes no grant`, { data: { run, status } })
    const engine = engineReaching(head, store, terminal)
    await engine.post(run, { id: messageId(), type: 'grant', more: encode(more) })
    await engine.close({ graceMs: 0 })
    const said = Object.entries(more).map(([name, amount]) => `${name} +${amount}`)
    if (o.json) printJson(terminal.out, { run, granted: more })
    else {
      const next =
        standingOf(head) === 'running' ? `${head.owner} drives it and goes on.` : `The process that drives it goes on, or: ${nextCommand(home, 'resume', run)}`
      printLine(terminal.out, `Granted to ${run}: ${said.join(', ')}. ${next}`)
    }
    return exitCode.done
  })
}
