import { TuttiError } from '../errors/index.ts'
import { decode } from '../primitives/index.ts'
import { forecastFlow } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, openForReading } from './home.ts'
import type { CommonOptions } from './options.ts'
import { sayMs, sayUsd } from './quantity.ts'
import { jsonOf } from './signal.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface ForecastCommandOptions extends CommonOptions {
  readonly flowVersion?: string | undefined
}

/** `tutti forecast FLOW [INPUT]`: what a run may cost and take, from those that were completed here. */
export async function forecast(terminal: Terminal, flow: string, input: string | undefined, o: ForecastCommandOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openForReading(home)
  if (!store) throw new TuttiError('RUN_NO_HISTORY', `there are no runs in ${home.place}, so there is nothing to forecast from`, { data: { flow } })
  try {
    const given = input === undefined ? undefined : { is: decode(jsonOf(input, 'the input')) }
    const told = await forecastFlow(store, { flow, version: o.flowVersion, input: given })
    if (o.json) printJson(terminal.out, { flow, ...told })
    else {
      const { usd, ms, runs, basis } = told
      const by = (of: string): string => (of === 'input size' ? ', by the size of the input' : '')
      printLine(terminal.out, `money  half below ${sayUsd(usd.p50 * 1_000_000)}, 95 of 100 below ${sayUsd(usd.p95 * 1_000_000)}${by(basis.usd)}`)
      printLine(terminal.out, `time   half below ${sayMs(ms.p50)}, 95 of 100 below ${sayMs(ms.p95)}${by(basis.ms)}`)
      printLine(terminal.out, `from ${runs} completed run${runs === 1 ? '' : 's'}${runs < 20 ? ': few, so the second figure is the highest seen' : ''}`)
    }
    return exitCode.done
  } finally {
    await store.close()
  }
}
