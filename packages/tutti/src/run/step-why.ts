/** One recorded step as it is told: who did it, what it gave, where its time went. */
import { decode, shownText } from '../primitives/index.ts'
import type { LoadedValue } from './loaded-value.ts'
import { outcomeText, type RecordedStep, valueGiven } from './recorded-step.ts'
import type { StepWhy } from './run-why.port.ts'

/** So much of what a step gave is shown. */
const SHOWN = 100

export function stepWhy(step: RecordedStep, load: LoadedValue): StepWhy {
  const { key, kind, microUsd, outcome, askedAt, attempts, reused } = step
  const doubtMs = Math.max(0, step.doubtMs)
  const ms = outcome ? outcome.time - askedAt : 0
  const failed = outcome?.type === 'step.failed'
  const last = outcome && !failed && 'ms' in outcome ? (outcome.ms ?? 0) : 0
  const lostMs = failed || attempts > 1 ? Math.max(0, ms - last - doubtMs) : 0
  return {
    ...{ key, kind, usd: microUsd / 1_000_000, ms },
    ...(lostMs > 0 ? { lostMs } : {}),
    ...(doubtMs > 0 ? { doubtMs } : {}),
    ...(attempts > 1 ? { attempts } : {}),
    ...{ who: whoDid(step), gave: given(step, load), reused: reused?.run },
  }
}

function whoDid({ kind, first }: RecordedStep): string | undefined {
  if (first.type === 'signal.awaited') return first.signal
  const { model, tool } = (('label' in first ? first.label : undefined) ?? {}) as { readonly model?: string; readonly tool?: string }
  return kind === 'model' ? model : tool
}

function given(step: RecordedStep, load: LoadedValue): string | undefined {
  const value = valueGiven(step)
  if (value === undefined) return step.outcome?.type === 'step.failed' ? shortened(outcomeText(step)) : undefined
  const json = load(value)
  if (json === undefined) return undefined
  return shortened(saidByModel(json) ?? textOf(decode(json)))
}

interface Part {
  readonly type?: string
  readonly text?: string
  readonly tool?: string
  readonly input?: unknown
}

/** What a model decided: its words, and the tools it called. */
function saidByModel(json: unknown): string | undefined {
  const parts = (json as { readonly message?: { readonly parts?: readonly Part[] } } | null)?.message?.parts
  if (!Array.isArray(parts)) return undefined
  const said = (parts as readonly Part[]).map(({ type, text, tool, input }) => (type === 'tool-call' ? `→ ${tool}(${textOf(input)})` : (text ?? '')))
  return said.filter(Boolean).join(' ')
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (shownText(value) ?? 'undefined'))

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line
}
