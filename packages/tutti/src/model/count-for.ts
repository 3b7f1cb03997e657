import type { RunCore } from '../run/definition.port.ts'
import { byBytes } from './estimate.ts'
import type { Candidate, InputCount } from './model.port.ts'

/**
 * How the input of this call is counted. A tokenizer is loaded, and asked, where tokens or money are limited; where nothing is, the bytes will do, and nobody waits.
 * @throws CONFIG_PACKAGE_MISSING | CONFIG_INVALID
 */
export function countFor({ inputCount }: Pick<Candidate, 'inputCount'>, core: Pick<RunCore, 'left'>): InputCount | Promise<InputCount> {
  if (!inputCount) return byBytes
  const { microUsd, tokens, inputTokens } = core.left()
  return microUsd === undefined && tokens === undefined && inputTokens === undefined ? byBytes : inputCount()
}
