/** The text of a run for somebody who takes in text alone, and so can unsay nothing: an answer that is begun again is told from where it differs, or not at all. */
import { TuttiError } from '../../errors/index.ts'
import type { RunEvent } from '../handle.port.ts'

/** What was told of the answer of one step. */
interface Told {
  text: string
  /** What the attempt says that came after a reset, until it has said all that was told. */
  again: string | undefined
}

/** @throws RUN_TEXT_RESET when an answer that was begun again does not read as what was told of it */
export async function* toldText<O>(events: AsyncIterable<RunEvent<O>>): AsyncIterable<string> {
  const steps = new Map<string, Told>()
  for await (const event of events) {
    if (event.type === 'text.reset') {
      const told = steps.get(event.key)
      if (told) told.again = ''
    } else if (event.type === 'text.delta') {
      const told = steps.get(event.key) ?? { text: '', again: undefined }
      steps.set(event.key, told)
      const text = take(told, event.text, event.key)
      if (text !== '') yield text
    } else if (event.type === 'step.completed') {
      const told = steps.get(event.key)
      if (told?.again !== undefined) throw reset(event.key)
      steps.delete(event.key)
    }
  }
}

/** What is new of `delta`. */
function take(told: Told, delta: string, key: string): string {
  if (told.again === undefined) {
    told.text += delta
    return delta
  }
  told.again += delta
  const { text, again } = told
  if (!(again.startsWith(text) || text.startsWith(again))) throw reset(key)
  if (again.length < text.length) return ''
  told.text = again
  told.again = undefined
  return again.slice(text.length)
}

const reset = (key: string): TuttiError =>
  new TuttiError('RUN_TEXT_RESET', `'${key}' was begun again, and does not say what was already told of it`, { data: { key } })
