/**
 * Answers that do not fit: each goes back with what is wrong with it, so often for a model; then the next model of the chain is asked, with all of it before
 * its eyes; then the agent has failed.
 */
import { TuttiError } from '../errors/index.ts'
import { textOf } from '../message/index.ts'
import type { AskModel, AttemptRecord, ModelAnswer } from '../model/index.ts'

/** Answers of one model that are sent back, before it is given up. */
const MAX_REPAIRS = 2
/** Characters of an answer that an error shows. */
const SHOWN = 300

interface Refused extends AttemptRecord {
  readonly answer: string
}

export class Repairs {
  readonly #agent: string
  readonly #refused: Refused[] = []
  #ofThisModel = 0
  #link: number | undefined

  constructor(agent: string) {
    this.#agent = agent
  }

  /** Where the chain is asked from now on; `undefined`: from its beginning. It rests on recorded answers alone, so a replay goes the same way. */
  get from(): AskModel['from'] {
    return this.#link === undefined ? undefined : { link: this.#link, refused: [...this.#refused] }
  }

  /** What to tell the model. @throws MODEL_OUTPUT_INVALID, with every answer that was refused, when nobody is left to ask */
  refuse(answer: ModelAnswer, says: string): string {
    const text = answer.outputText ?? textOf(answer.message)
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
    this.#refused.push({ model: answer.model.id, code: 'MODEL_OUTPUT_INVALID', message: says, answer: shown })
    if (++this.#ofThisModel > MAX_REPAIRS) {
      const { next } = answer.model
      if (next === undefined) throw this.#invalid(answer, says)
      this.#link = next
      this.#ofThisModel = 0
    }
    return `Your answer was not accepted: ${says}\nAnswer again, in full, with that put right.`
  }

  #invalid(answer: ModelAnswer, says: string): TuttiError {
    const models = [...new Set(this.#refused.map(({ model }) => model))]
    const each = models.length > 1 ? ` of each of ${models.join(', ')}` : ''
    return new TuttiError('MODEL_OUTPUT_INVALID', `the answer of '${this.#agent}' does not fit its schema after ${MAX_REPAIRS} repairs${each}: ${says}`, {
      data: { agent: this.#agent, model: answer.model.id, complaint: says, attempts: this.#refused.map((each) => ({ ...each })) },
    })
  }
}
