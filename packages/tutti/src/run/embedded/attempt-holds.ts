/** What the attempts of one effect hold in the ledger of their run, and what becomes of it (I7). Every attempt holds and settles under its own token. */
import { type Amounts, type Limited, nothing, type Refusal, sayLimited, sayNoRoom } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import type { Asked, StepStarted } from '../../journal/index.ts'
import type { EffectOp } from '../engine.port.ts'
import type { RunGround } from './ground.port.ts'
import { tokenOf } from './restored-ledger.ts'
import type { Otherwise } from './standing-holds.ts'

export class AttemptHolds {
  readonly #ground: RunGround
  readonly #op: EffectOp
  #overrun: TuttiError | undefined
  /** Of the attempt that was last asked for: the same text is found sooner than one that says the same. */
  #token = ''
  #tokenOf = 0

  constructor(ground: RunGround, op: EffectOp) {
    this.#ground = ground
    this.#op = op
  }

  /** Why the attempt may not be made, if it may not. */
  hold(attempt: number, worst: Amounts | undefined, advice?: string): Refused | undefined {
    if (!worst) return undefined
    const { draws, key } = this.#op
    try {
      const refusal = this.#ground.ledger.hold(draws, this.#tokenFor(attempt), worst)
      return refusal && { refusal, error: exceeded(refusal, key, advice) }
    } catch (error) {
      return { refusal: undefined, error: error as TuttiError }
    }
  }

  /** Settles what an attempt holds; answers what is to be written of it. */
  settle(attempt: number, actual: Amounts | undefined): Amounts | undefined {
    const { ledger, room } = this.#ground
    if (this.#token === '' && !this.#ground.priors.has(this.#op.key)) {
      // Nothing was ever held for it.
      if (actual) ledger.spend(this.#op.draws, actual)
      return actual
    }
    const token = this.#tokenFor(attempt)
    const held = ledger.holding(token)
    if (held) this.#judge(ledger.settle(token, actual), held, actual)
    else if (actual) ledger.spend(this.#op.draws, actual)
    if (held && room.size > 0) room.changed()
    return actual ?? held
  }

  #tokenFor(attempt: number): string {
    if (this.#tokenOf !== attempt) {
      this.#token = tokenOf(this.#op.key, attempt)
      this.#tokenOf = attempt
    }
    return this.#token
  }

  /** What is written when the attempt does not fit the accounts that outlive the run. @param said what an entry of this step says first */
  otherwise({ attempt, standing }: StepStarted, said: Asked | { readonly key: string }, final: boolean): (Otherwise & { readonly fits: boolean }) | undefined {
    if (!standing) return undefined
    let fits = true
    return {
      instead: { ...said, type: 'step.failed', attempt, final },
      refused: () => {
        fits = false
        this.settle(attempt, nothing)
      },
      get fits() {
        return fits
      },
    }
  }

  /** The first attempt that passed its hold where a limit applies: that breaks the bound which the budget rests on. */
  get overrun(): TuttiError | undefined {
    return this.#overrun
  }

  #judge(passed: readonly Limited[], held: Amounts, used: Amounts | undefined): void {
    if (passed.length === 0 || !used) return
    const { key, draws } = this.#op
    const { ledger, standing } = this.#ground
    const bounds = passed.filter((name) => ledger.limits(draws, name) || standing.limited.includes(name))
    if (bounds.length === 0) return
    const says = bounds.map((name) => `${sayLimited(name, amountOf(used, name))} where ${sayLimited(name, amountOf(held, name))} were held for it`)
    this.#overrun ??= new TuttiError('BUDGET_OVERRUN', `'${key}' used ${says.join(', and ')}`, { data: { bounds, held: { ...held }, used: { ...used } } })
  }
}

/** `refusal` is absent where what was to be held is no amount. */
export interface Refused {
  readonly refusal: Refusal | undefined
  readonly error: TuttiError
}

const amountOf = (amounts: Amounts, name: Limited): number => (name === 'tokens' ? amounts.inputTokens + amounts.outputTokens : amounts[name])

function exceeded(refusal: Refusal, key: string, hint: string | undefined): TuttiError {
  const { account, limit, allowed, taken, asked, policy } = refusal
  return new TuttiError('BUDGET_EXCEEDED', `'${key}' ${sayNoRoom(refusal, account === '' ? 'the run' : `'${account}'`)}`, {
    data: { account, limit, allowed, taken, asked, policy },
    ...(hint === undefined ? {} : { hint }),
  })
}
