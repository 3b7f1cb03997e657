import { checkOptions, type ModelSchema, type Scope } from '../primitives/index.ts'
import type { Run, Tool } from '../run/index.ts'
import type { Passage } from './document.ts'
import type { Filter } from './partition.ts'

export interface SearchToolOptions {
  /** Default `search_<index>`. */
  name?: string | undefined
  description?: string | undefined
  /** Passages for each question. Default 6. */
  top?: number | undefined
  /** Fields of `meta`, or `source`, that every passage must have: `{ package: ['zod'] }`. */
  filter?: Filter | undefined
}

const query: ModelSchema<{ query: string }, { query: string }> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate(value) {
      const asked = typeof value === 'object' && value !== null ? (value as { query?: unknown }).query : undefined
      if (typeof asked === 'string' && asked.trim() !== '') return { value: { query: asked } }
      return { issues: [{ message: 'a question or a few words, as text', path: ['query'] }] }
    },
    jsonSchema: { input: () => querySchema, output: () => querySchema },
  },
}
const querySchema = {
  type: 'object',
  properties: { query: { type: 'string', minLength: 1, maxLength: 8_000, description: 'What to look for: a question or a few words.' } },
  required: ['query'],
  additionalProperties: false,
}

/** An index as a tool for a model. It only reads, so it may run again after a crash. */
export function searchTool(
  index: string,
  search: (
    query: string,
    o: { scope: Readonly<Scope>; top: number; signal: AbortSignal; filter: Filter | undefined; vector?: Float32Array },
  ) => Promise<Passage[]>,
  o: SearchToolOptions,
  embed?: (run: Run, query: string) => Promise<Float32Array>,
): Tool<{ query: string }, Passage[]> {
  checkOptions<SearchToolOptions>(`the index '${index}' as a tool`, o, { name: true, description: true, top: true, filter: true })
  const top = o.top ?? 6
  // By the input of the call, which is the same object when the call is carried out.
  const vectors = new WeakMap<object, Float32Array>()
  const body = {
    description: o.description ?? `Searches '${index}' and returns the passages that fit best, each with its source. Quote from them word for word.`,
    inputSchema: query,
    outputSchema: undefined,
    approve: undefined,
    timeout: undefined,
    reconcile: undefined,
    flow: undefined,
    execute: async (input: unknown, { scope, signal }: { scope: Readonly<Scope>; signal: AbortSignal }) =>
      (await search((input as { query: string }).query, { scope, top, signal, filter: o.filter, ...vectorOf(vectors.get(input as object)) })).map(forModel),
    // What embeds the question is a step of its own, paid for by the run.
    ...(embed
      ? {
          conduct: async (input: unknown, { run, call }: { run: Run; call(input: unknown): Promise<unknown> }) => {
            const asked = input as { query: string }
            vectors.set(asked, await embed(run, asked.query))
            return call(asked)
          },
        }
      : {}),
  }
  return { name: o.name ?? `search_${index.replaceAll(/[^A-Za-z0-9_-]+/g, '_')}`, effect: 'read', '~tool': body } as unknown as Tool<
    { query: string },
    Passage[]
  >
}

const vectorOf = (vector: Float32Array | undefined): { vector?: Float32Array } => (vector ? { vector } : {})

/** What a model reads of a passage, and what a citation is checked against; the rest would be paid for with every turn. */
const forModel = ({ text, source, start, end, score, line, heading }: Passage): Passage => ({
  text,
  source,
  start,
  end,
  score: Math.round(score * 1_000) / 1_000,
  line,
  heading,
})
