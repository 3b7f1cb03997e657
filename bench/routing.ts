/**
 * `npm run bench -- routing --data FOLDER [--json]`: how well routers choose. `byMeaning` on CLINC150 (150 intents, 20 examples each, and what belongs to none), and
 * on RouteLLM's answers of a cheap and a dear model as a curve of quality against cost; `cascade` on the same answers to GSM8K, with a check of the arithmetic in them. About 6 minutes,
 * nearly all of it embedding on WebAssembly. Random choice, always the cheap and always the dear model stand beside it.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { byMeaning } from '../packages/tutti/src/flow/index.ts'
import { minilm } from '../packages/tutti/src/retrieval/index.ts'
import type { EffectContext, EffectSpec, Run } from '../packages/tutti/src/run/index.ts'
import { dataFolder } from './arguments.ts'
import { reporter } from './figure.ts'
import { cascadeOnArithmetic } from './traces/arithmetic.ts'
import { readCsv } from './traces/csv.ts'
import { auroc, type Judged, type Scored, shareForGain } from './traces/curve.ts'

const data = dataFolder()
const embedder = await minilm()
const report = reporter()

/** What a router by meaning records of a choice. */
interface Chosen {
  readonly choice: string | null
  readonly score: number
  readonly next: { readonly branch: string; readonly score: number } | null
}

/** Asks the real router, with a run that plans and executes and records nothing. */
async function choices(examples: Record<string, readonly string[]>, questions: readonly string[]): Promise<readonly Chosen[]> {
  const router = byMeaning(examples, { threshold: 0 }) as unknown as { '~router': { choose(input: string, run: Run): Promise<unknown> } }
  const chosen: Chosen[] = []
  const run = {
    '~core': { ask: async (spec: EffectSpec<Chosen>) => keep(await (await spec.plan(1, undefined)).execute({} as EffectContext)) },
  } as unknown as Run
  const keep = ({ value }: { value: Chosen }): Chosen => {
    chosen.push(value)
    return value
  }
  for (const question of questions) await router['~router'].choose(question, run)
  return chosen
}

async function intents(): Promise<void> {
  const sets = JSON.parse(readFileSync(join(data, 'clinc150/data/data_full.json'), 'utf8')) as Record<string, [text: string, intent: string][]>
  const examples: Record<string, string[]> = {}
  for (const [text, intent] of sets.train ?? []) {
    const known = examples[intent] ?? []
    if (known.length < 20) examples[intent] = [...known, text]
  }
  const inside = sets.test ?? []
  const outside = sets.oos_test ?? []
  const found = await choices(
    examples,
    [...inside, ...outside].map(([text]) => text),
  )
  const right = inside.filter(([, intent], i) => found[i]?.choice === intent).length / inside.length
  const scores = (from: number, to?: number): number[] => found.slice(from, to).map(({ score }) => score)
  report(
    { name: 'CLINC150: accuracy over 150 intents', value: right, unit: '', limit: 0.893, target: { atLeast: 0.89 } },
    { name: 'CLINC150: out of scope, AUROC of the likeness', value: auroc(scores(0, inside.length), scores(inside.length)), unit: '', limit: 0.953 },
  )
  for (const threshold of [0.3, 0.35, 0.4, 0.45]) {
    const kept = inside.filter(([, intent], i) => found[i]?.choice === intent && (found[i]?.score ?? 0) >= threshold).length / inside.length
    const refused = scores(inside.length).filter((score) => score < threshold).length / outside.length
    report(
      { name: `CLINC150: in scope, to the right branch at the threshold ${threshold}`, value: kept, unit: '' },
      { name: `CLINC150: out of scope, refused at ${threshold}`, value: refused, unit: '' },
    )
  }
}

/** USD per million tokens when the answers were made (2024): Mixtral 8×7B, and GPT-4 Turbo (1106). */
const prices = { cheap: { input: 0.6, output: 0.6 }, dear: { input: 10, output: 30 } }
const costOf = (which: keyof typeof prices, input: string, outputTokens: number): number =>
  (prices[which].input * (input.length / 4) + prices[which].output * outputTokens) / 1e6

/** Every sixth question is asked, every other third of them an example. */
async function cheapOrDear(): Promise<void> {
  const rows = globSync(join(data, 'routellm/routellm/evals/mmlu/responses/*.csv'))
    .sort()
    .flatMap((path) => readCsv(path))
  const judged: Judged[] = rows
    .filter((_, i) => i % 6 === 0)
    .map((row) => {
      const { prompt = '' } = row
      const [cheap, dear] = [row['mistralai/Mixtral-8x7B-Instruct-v0.1'] === 'True', row['gpt-4-1106-preview'] === 'True']
      return { prompt, cheap, dear, cheapUsd: costOf('cheap', prompt, 10), dearUsd: costOf('dear', prompt, 10) }
    })
  const examples = judged.filter((_, i) => i % 2 === 0)
  const asked = judged.filter((_, i) => i % 2 === 1)
  const branches = {
    cheap: examples.filter(({ cheap, dear }) => cheap || !dear).map(({ prompt }) => prompt),
    dear: examples.filter(({ cheap, dear }) => dear && !cheap).map(({ prompt }) => prompt),
  }
  const found = await choices(
    branches,
    asked.map(({ prompt }) => prompt),
  )
  const scored = asked.map((one, i): Scored => {
    const { choice, score, next } = found[i] as Chosen
    return { ...one, need: (choice === 'dear' ? 1 : -1) * (score - (next?.score ?? 0)) }
  })
  curve('MMLU, byMeaning', scored)
}

/** What share of questions must go to the dear model for half, and for 80 %, of what it is better by. */
function curve(name: string, scored: readonly Scored[]): void {
  const quality = (which: 'cheap' | 'dear'): number => scored.filter((one) => one[which]).length / scored.length
  const usd = (which: 'cheapUsd' | 'dearUsd'): number => (scored.reduce((sum, one) => sum + one[which], 0) / scored.length) * 1_000
  report(
    { name: `${name}: right, always the cheap`, value: quality('cheap'), unit: '' },
    { name: `${name}: right, always the dear`, value: quality('dear'), unit: '' },
    { name: `${name}: 1,000 questions, always the cheap`, value: usd('cheapUsd'), unit: 'USD' },
    { name: `${name}: 1,000 questions, always the dear`, value: usd('dearUsd'), unit: 'USD' },
  )
  for (const gain of [0.5, 0.8]) {
    const { share, usdPerThousand } = shareForGain(scored, gain)
    report(
      { name: `${name}: asked of the dear for ${gain * 100} % of the gain`, value: share, unit: '', peer: 'random', peerValue: gain },
      {
        name: `${name}: 1,000 questions at that`,
        value: usdPerThousand,
        unit: 'USD',
        peer: 'random',
        peerValue: usd('cheapUsd') + gain * (usd('dearUsd') - usd('cheapUsd')),
      },
    )
  }
}

/** Cheap first; what does not add up is asked of the dear model. Through the real gateway. */
async function arithmetic(): Promise<void> {
  const rows = readCsv(join(data, 'routellm/routellm/evals/gsm8k/gsm8k_responses.csv'))
  const told = await cascadeOnArithmetic(rows, costOf)
  const { cheap, dear, cascaded } = told
  // A random choice that costs as much.
  const mix = (cascaded.usd - cheap.usd) / (dear.usd - cheap.usd)
  report(
    { name: 'GSM8K: right, always the cheap', value: cheap.right, unit: '' },
    { name: 'GSM8K: right, always the dear', value: dear.right, unit: '' },
    {
      name: 'GSM8K: right, cascade with a check of the arithmetic',
      value: cascaded.right,
      unit: '',
      peer: 'random, same cost',
      peerValue: cheap.right + mix * (dear.right - cheap.right),
    },
    { name: 'GSM8K: 1,000 questions, always the cheap', value: cheap.usd, unit: 'USD' },
    { name: 'GSM8K: 1,000 questions, always the dear', value: dear.usd, unit: 'USD' },
    { name: 'GSM8K: 1,000 questions, cascade', value: cascaded.usd, unit: 'USD' },
    { name: 'GSM8K: asked of the dear by the cascade', value: told.escalated, unit: '' },
  )
}

await intents()
await cheapOrDear()
await arithmetic()
await embedder.close()
