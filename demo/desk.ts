/** The main job of the demo: one flow that answers questions about installed libraries from their own documentation. */
import { readFile } from 'node:fs/promises'
import { agent, type Cited, chain, cited, type Index, index, map, route } from 'tutti'
import { verifyCitations } from 'tutti/retrieval'
import { z } from 'zod'

/** What is read: the documentation that lies in node_modules, of exactly the versions installed here. */
export const shelves = {
  'language models': { packages: ['ai', '@ai-sdk/openai', '@ai-sdk/anthropic'], index: index('language-models') },
  'command line': { packages: ['commander'], index: index('command-line') },
  'data and schemas': { packages: ['devalue', 'zod', 'arktype', 'valibot'], index: index('data-and-schemas') },
  testing: { packages: ['fast-check', 'vitest', '@copilotkit/aimock'], index: index('testing') },
} as const
const topics = Object.keys(shelves) as (keyof typeof shelves)[]

const Question = z.object({
  topic: z
    .enum(topics)
    .describe(
      'language models: agents, tools, tool calls, streaming text, providers, embeddings. command line: options, arguments, flags, subcommands, program help. data and schemas: serialise values, JSON, validate, parse types. testing: property based tests, mocks, generated values, test runner.',
    ),
  question: z.string(),
})

/** A question comes in as text: what is empty or far too long is refused before it costs anything. */
function checkQuestion(question: string): string {
  const text = question.trim()
  if (text.length < 3) throw new Error('the question is empty')
  if (text.length > 2_000) throw new Error(`the question has ${text.length} characters; 2,000 are taken`)
  return text
}

const triage = agent({ name: 'triage', instructions: 'Say which shelf of documentation the question belongs to, and repeat the question.', output: Question })

const librarian = (name: string, shelf: Index) =>
  agent({
    name,
    instructions: 'Answer from the documentation only. Quote it.',
    input: Question,
    prompt: ({ question }) => question,
    tools: [shelf.asTool()],
    output: cited,
  })

/** Each quote against the file on disk, at the offsets that the citation gives. */
async function verify(answer: Cited): Promise<{ text: string; proofs: { quote: string; ok: boolean; at: string }[] }> {
  const verdicts = await verifyCitations((source) => readFile(source, 'utf8'), answer)
  return {
    text: answer.text,
    proofs: verdicts.map((verdict) => ({ quote: verdict.citation.quote, ok: verdict.ok, at: verdict.ok ? verdict.at : verdict.why })),
  }
}

/** check → route by topic → retrieve → answer with citations → verify. Each arrow is an entry of the journal. */
export const desk = chain(
  'desk',
  checkQuestion,
  triage,
  route('by-topic', {
    by: ({ topic }) => topic,
    to: {
      'language models': librarian('models', shelves['language models'].index),
      'command line': librarian('commands', shelves['command line'].index),
      'data and schemas': librarian('data', shelves['data and schemas'].index),
      testing: librarian('tests', shelves.testing.index),
    },
  }),
  verify,
)

/** Many questions in one run: what the drill kills in the middle. */
export const survey = map('survey', desk, { concurrency: 2 })
