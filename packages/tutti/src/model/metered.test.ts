import { describe, expect, test } from 'vitest'
import type { Budget } from '../budget/index.ts'
import { flow, type Run } from '../run/index.ts'
import { journalOf } from '../testing/failpoint-store.ts'
import { testEngine } from '../testing/test-engine.ts'
import { withModel } from '../testing/with-model.ts'
import { embed, generateImage, type ImageModel, rerank, speak, transcribe } from './metered.ts'
import type { EmbeddingModel } from './model.port.ts'

const named = (modelId: string) => ({ specificationVersion: 'v4', provider: 'acme.api', modelId })
const prices = {
  'acme/vec': { input: 10, output: 0 },
  'acme/rank': { search: 0.002 },
  'acme/paint': { image: 0.04 },
  'acme/hear': { minute: 0.006 },
  'acme/say': { character: 0.000015 },
}

function embedding(o: { tokens?: number; most?: number } = {}): EmbeddingModel & { asked: string[][] } {
  const asked: string[][] = []
  return {
    ...named('vec'),
    asked,
    maxEmbeddingsPerCall: o.most,
    doEmbed: async ({ values }) => {
      asked.push(values)
      return { embeddings: values.map((text) => [text.length, 1]), ...(o.tokens === undefined ? {} : { usage: { tokens: o.tokens } }) }
    },
  }
}
const painter = (given: number): ImageModel & { calls: number } => {
  const model = {
    ...named('paint'),
    maxImagesPerCall: 4,
    calls: 0,
    doGenerate: async () => {
      model.calls++
      return { images: Array<Uint8Array>(given).fill(new Uint8Array([1, 2])) }
    },
  }
  return model
}

async function told<T>(body: (run: Run) => Promise<T>, budget: Budget | undefined = { usd: 1 }, declared: object = prices) {
  const desk = flow('desk', async (_: null, run) => body(run))
  const { start, store } = testEngine([desk], withModel(undefined, { prices: declared as typeof prices }))
  const handle = await start(desk, null, { budget })
  return { outcome: await handle.outcome(), entries: (await journalOf(store, handle.id)).entries }
}

describe('models that do not converse', () => {
  test('[B8] a vector that is none, empty or with NaN in it, is an answer that is malformed', async () => {
    for (const vector of [[], [1, Number.NaN], [Number.POSITIVE_INFINITY]]) {
      const model: EmbeddingModel = { ...embedding(), doEmbed: async () => ({ embeddings: [vector], warnings: [] }) as never }
      const { outcome } = await told((run) => embed(run, model, ['a']))
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'MODEL_MALFORMED' } })
    }
  })

  test('[B8] embeddings are held at most a token for each byte, settled as reported, and recorded', async () => {
    const { outcome, entries } = await told((run) => embed(run, embedding({ tokens: 3 }), ['ab', 'cde']))
    expect(outcome).toMatchObject({
      status: 'completed',
      output: [
        [2, 1],
        [3, 1],
      ],
      usage: { usd: 0.00003, inputTokens: 3, modelCalls: 1 },
    })
    expect(entries.find(({ type }) => type === 'step.started')).toMatchObject({
      kind: 'embedding',
      hold: { inputTokens: 37, microUsd: 370 },
      label: { model: 'acme/vec' },
    })
  })

  test('[B8] more texts than the model takes at once are several steps; unknown or impossible usage counts as held', async () => {
    const model = embedding({ most: 2 })
    const { outcome } = await told((run) => embed(run, model, ['a', 'b', 'c']))
    expect(model.asked).toEqual([['a', 'b'], ['c']])
    expect(outcome).toMatchObject({
      output: [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
      usage: { inputTokens: 51, modelCalls: 2 },
    })
    for (const tokens of [Number.NaN, -1])
      expect((await told((run) => embed(run, embedding({ tokens }), ['a']))).outcome).toMatchObject({ usage: { inputTokens: 17, usd: 0.00017 } })
  })

  test('[B8] rerankers, images, transcription and speech are held and settled by what they bill', async () => {
    const ranker = {
      ...named('rank'),
      doRerank: async () => ({
        ranking: [
          { index: 1, relevanceScore: 0.9 },
          { index: 0, relevanceScore: 0.1 },
        ],
      }),
    }
    expect((await told((run) => rerank(run, ranker, 'q', ['a', 'b']))).outcome).toMatchObject({
      output: [
        { index: 1, score: 0.9 },
        { index: 0, score: 0.1 },
      ],
      usage: { usd: 0.002 },
    })
    expect((await told((run) => generateImage(run, painter(2), 'a cat', { n: 2 }))).outcome).toMatchObject({
      output: [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
      usage: { usd: 0.08 },
    })
    const ear = { ...named('hear'), doGenerate: async () => ({ text: 'hello', durationInSeconds: 30 }) }
    const heard = await told((run) => transcribe(run, ear, new Uint8Array([1]), { mediaType: 'audio/wav', maxSeconds: 120 }))
    expect(heard.outcome).toMatchObject({ output: { text: 'hello' }, usage: { usd: 0.003 } })
    expect(heard.entries.find(({ type }) => type === 'step.started')).toMatchObject({ hold: { microUsd: 12_000 } })
    const mouth = { ...named('say'), doGenerate: async () => ({ audio: 'UklGRg==' }) }
    expect((await told((run) => speak(run, mouth, 'hello'))).outcome).toMatchObject({ output: 'UklGRg==', usage: { usd: 0.000075 } })
  })

  test('[B8] what does not fit is not asked, and what has no price is refused under a limit of money', async () => {
    const model = painter(1)
    expect((await told((run) => generateImage(run, model, 'a cat'), { usd: 0.03 })).outcome).toMatchObject({ error: { code: 'BUDGET_EXCEEDED' } })
    expect((await told((run) => generateImage(run, model, 'a cat'), { usd: 1 }, {})).outcome).toMatchObject({
      error: { code: 'BUDGET_NO_PRICE', message: 'acme/paint has no price per image, and this run may spend no more than 1 USD' },
    })
    expect(model.calls).toBe(0)
    expect((await told((run) => generateImage(run, model, 'a cat'), { modelCalls: 1 }, {})).outcome.status).toBe('completed')
  })

  test('[B8] a provider that sends, or hears, more than its bound is an overrun that names it and ends the run', async () => {
    const more = await told((run) => generateImage(run, painter(3), 'a cat').catch(() => 'caught'))
    expect(more.outcome).toMatchObject({ status: 'failed', error: { code: 'BUDGET_OVERRUN', data: { bounds: ['microUsd'] } }, usage: { usd: 0.12 } })
    const ear = { ...named('hear'), doGenerate: async () => ({ text: 'hello', durationInSeconds: 61 }) }
    const longer = await told((run) => transcribe(run, ear, new Uint8Array([1]), { mediaType: 'audio/wav', maxSeconds: 60 }))
    expect(longer.outcome).toMatchObject({ error: { code: 'BUDGET_OVERRUN' } })
  })
})
