/** What the attempts of one effect hold in the ledger of their run, and what becomes of it (I7). Every attempt holds and settles under its own token. */
import type { Amounts, Refusal } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import type { EffectOp } from '../engine.port.ts'
import type { RunGround } from './ground.port.ts'
import { tokenOf } from './restored-ledger.ts'

export class AttemptHolds {
  readonly #ground: RunGround
  readonly #op: EffectOp

  constructor(ground: RunGround, op: EffectOp) {
    this.#ground = ground
    this.#op = op
  }

  /** Why the attempt may not be made, if it may not. */
  hold(attempt: number, worst: Amounts | undefined): TuttiError | undefined {
    if (!worst) return undefined
    const { draws, key } = this.#op
    try {
      const refusal = this.#ground.ledger.hold(draws, tokenOf(key, attempt), worst)
      return refusal && exceeded(refusal, key)
    } catch (error) {
      return error as TuttiError
    }
  }

  /** Settles what an attempt holds; answers what is to be written of it. */
  settle(attempt: number, actual: Amounts | undefined): Amounts | undefined {
    const token = tokenOf(this.#op.key, attempt)
    const held = this.#ground.ledger.holding(token)
    if (held) this.#ground.ledger.settle(token, actual)
    else if (actual) this.#ground.ledger.spend(this.#op.draws, actual)
    return actual ?? held
  }

  /** Settles a success. What passes its hold, where a limit applies, breaks the bound that the budget rests on. */
  spend(attempt: number, settle: Amounts | undefined, hold: Amounts | undefined): TuttiError | undefined {
    if (!settle) return undefined
    const { ledger } = this.#ground
    const { key, draws } = this.#op
    if (!hold) {
      ledger.spend(draws, settle)
      return undefined
    }
    const broken = ledger.settle(tokenOf(key, attempt), settle).filter((name) => ledger.limits(draws, name))
    if (broken.length === 0) return undefined
    return new TuttiError('BUDGET_OVERRUN', `'${key}' used more ${broken.join(', ')} than was held for it`, {
      data: { bounds: [...broken], held: { ...hold }, used: { ...settle } },
    })
  }
}

function exceeded({ account, limit, allowed, taken, asked }: Refusal, key: string): TuttiError {
  const whose = account === '' ? 'the run' : `'${account}'`
  const say = (amount: number): string => (limit === 'microUsd' ? `${(amount / 1_000_000).toFixed(6)} USD` : `${amount} ${limit}`)
  return new TuttiError('BUDGET_EXCEEDED', `'${key}' could use ${say(asked)}; of the ${say(allowed)} allowed to ${whose}, ${say(taken)} are spent or held`, {
    data: { account, limit, allowed, taken, asked },
  })
}
