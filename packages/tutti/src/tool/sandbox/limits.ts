import { TuttiError } from '../../errors/index.ts'
import { checkOptions, type Duration, durationMs } from '../../primitives/index.ts'
import type { Limits } from './turn.port.ts'

/** What code of a model may use. */
export interface CodeLimits {
  /** Processor time between two things it waits for. Default `'1s'`. */
  cpu?: Duration | undefined
  /** Default 32. */
  memoryMb?: number | undefined
  /** Of what it returns, of what it logs, and of the arguments of each call. Default 50,000. */
  outputChars?: number | undefined
}

const MB = 1024 * 1024

/** @throws CONFIG_INVALID */
export function limitsOf(o: CodeLimits = {}): Limits {
  checkOptions<CodeLimits>('a sandbox', o, { cpu: true, memoryMb: true, outputChars: true })
  const { cpu = '1s', memoryMb = 32, outputChars = 50_000 } = o
  const wrong = Object.entries({ cpu: durationMs(cpu), memoryMb, outputChars }).find(([, value]) => !(value > 0 && Number.isFinite(value)))
  if (wrong) throw new TuttiError('CONFIG_INVALID', `the limit '${wrong[0]}' of a sandbox is ${wrong[1]}`, { hint: 'Limits are numbers above zero.' })
  if (memoryMb > 1_024)
    throw new TuttiError('CONFIG_INVALID', `a sandbox of ${memoryMb} MB is more than WebAssembly gives it`, { hint: 'Give memoryMb: 1024 or less.' })
  return { cpuMs: durationMs(cpu), memoryBytes: Math.ceil(memoryMb * MB), outputChars }
}
