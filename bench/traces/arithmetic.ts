/** A cascade over recorded answers to GSM8K: the cheap model's is taken when its own arithmetic adds up and it ends in a number. */
import { memoryStore } from '../../packages/tutti/src/journal/index.ts'
import { chainOf, textOf, toMessages } from '../../packages/tutti/src/message/index.ts'
import { askModel, cascade, gateway, gatewayKey, type LanguageModel } from '../../packages/tutti/src/model/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../../packages/tutti/src/run/index.ts'

type Row = Readonly<Record<string, string>>
type CostOf = (which: 'cheap' | 'dear', input: string, outputTokens: number) => number
interface Side {
  readonly right: number
  /** Of 1,000 questions. */
  readonly usd: number
}

const names = { cheap: 'mistralai/Mixtral-8x7B-Instruct-v0.1', dear: 'gpt-4-1106-preview' } as const
const answerOf = (row: Row, which: keyof typeof names): string => row[`${names[which]}_response`] ?? ''

export async function cascadeOnArithmetic(
  rows: readonly Row[],
  costOf: CostOf,
): Promise<{ readonly cheap: Side; readonly dear: Side; readonly cascaded: Side; readonly escalated: number }> {
  const model = cascade([recorded(rows, 'cheap'), recorded(rows, 'dear')], { accept: ({ text }) => addsUp(text) })
  const usd = (row: Row, which: keyof typeof names): number => costOf(which, row.prompt ?? '', answerOf(row, which).length / 4)
  const side = (which: keyof typeof names): Side => ({
    right: rows.filter((row) => row[names[which]] === 'True').length / rows.length,
    usd: (rows.reduce((sum, row) => sum + usd(row, which), 0) / rows.length) * 1_000,
  })
  const answered = await answers(rows, model)
  const right = rows.filter((row, i) => row[names[answered[i] as keyof typeof names]] === 'True').length / rows.length
  const paid = rows.reduce((sum, row, i) => sum + usd(row, 'cheap') + (answered[i] === 'dear' ? usd(row, 'dear') : 0), 0)
  const escalated = answered.filter((which) => which === 'dear').length / rows.length
  return { cheap: side('cheap'), dear: side('dear'), cascaded: { right, usd: (paid / rows.length) * 1_000 }, escalated }
}

/** Which model's answer each question got. */
async function answers(rows: readonly Row[], model: Parameters<typeof askModel>[1]['model']): Promise<readonly string[]> {
  const all = flow('all', async (_input: null, run: Run) => {
    const which: string[] = []
    for (const [index] of rows.entries()) {
      const messages = toMessages(`question:${index}`)
      const answer = await askModel(run, { name: `q${index}`, agent: 'a', model, request: { messages, thread: { at: 1, chain: chainOf(messages) } } })
      if (textOf(answer.message) === '') throw new Error('no answer')
      which.push(answer.model.id.slice(answer.model.id.indexOf('/') + 1))
    }
    return which
  })
  const services = new Map([[gatewayKey.service, gateway({ env: {}, cwd: import.meta.dirname })]])
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [all], services })
  const { output } = await new EmbeddedHandle<readonly string[]>(engine, await engine.start(all, null)).result()
  await engine.close({ graceMs: 0 })
  return output
}

/** Answers what the model of that name answered. */
function recorded(rows: readonly Row[], which: keyof typeof names): LanguageModel {
  const doStream = async ({ prompt }: { prompt: unknown }) => {
    const index = Number(/question:(\d+)/.exec(JSON.stringify(prompt))?.[1])
    return {
      stream: ReadableStream.from([
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: answerOf(rows[index] as Row, which) || '?' },
        { type: 'text-end', id: '1' },
        { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } } },
      ]),
    }
  }
  return { specificationVersion: 'v4', provider: 'recorded', modelId: which, supportedUrls: {}, doStream, doGenerate: () => {} } as unknown as LanguageModel
}

/** Every `<<3*4=12>>` of the answer is right, there is one at least, and it ends in the number that the last of them gave. */
function addsUp(text: string): boolean {
  const sums = [...text.matchAll(/<<([-+*/().\d\s]+)=\s*([-\d.,]+)\s*>>/g)]
  const last = /####\s*\$?([-\d.,]+)/.exec(text)?.[1]
  if (sums.length === 0 || last === undefined) return false
  if (!sums.every(([, sum = '', said = '']) => isNear(resultOf(sum), numberOf(said)))) return false
  return isNear(numberOf(sums.at(-1)?.[2] ?? ''), numberOf(last))
}

const numberOf = (text: string): number => Number(text.replaceAll(',', '').replace(/\.$/, ''))
const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 0.01 * Math.max(1, Math.abs(b))

/** Of + - * / and brackets; NaN for what is none. */
function resultOf(sum: string): number {
  const tokens = sum.match(/\d+\.?\d*|\.\d+|[-+*/()]/g) ?? []
  let at = 0
  const factor = (): number => {
    const token = tokens[at++]
    if (token === '-') return -factor()
    if (token !== '(') return Number(token)
    const inner = expression()
    at++
    return inner
  }
  const product = (): number => {
    let value = factor()
    while (tokens[at] === '*' || tokens[at] === '/') value = tokens[at++] === '*' ? value * factor() : value / factor()
    return value
  }
  const expression = (): number => {
    let value = product()
    while (tokens[at] === '+' || tokens[at] === '-') value = tokens[at++] === '+' ? value + product() : value - product()
    return value
  }
  return expression()
}
