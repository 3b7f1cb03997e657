import { TuttiError } from '../errors/index.ts'
import { nearest } from '../primitives/index.ts'

const MOST = 5

/** Who writes a key from memory, or from the tree that `tutti show` draws, is told those that come near to it, in full. */
export function stepNotFound(message: string, at: string, steps: Iterable<string>): TuttiError {
  const keys = [...steps]
  const near = nearest(at, keys)
  const few = (near.length > 0 ? near : keys).slice(0, MOST)
  const says = few.map((key) => `'${key}'`).join(', ')
  const more = near.length > 0 || keys.length <= MOST ? '' : `, and ${keys.length - MOST} more`
  const hint =
    few.length === 0 ? 'It has no steps yet.' : `${near.length > 0 ? 'Near to it' : 'Its steps'}: ${says}${more}. \`tutti show --values\` prints keys in full.`
  return new TuttiError('RUN_STEP_NOT_FOUND', message, { hint, data: { at, steps: few } })
}
