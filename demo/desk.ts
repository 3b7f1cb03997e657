/** The main job of the demo: one flow that answers questions about installed libraries from their own documentation. */
import { agent, chain, cited, type Index, index, map, route } from 'tutti'
import { z } from 'zod'

/** What is read: the documentation that lies in node_modules, of exactly the versions installed here. */
export const shelves = {
  'language models': { from: ['node_modules/ai', 'node_modules/@ai-sdk/openai', 'node_modules/@ai-sdk/anthropic'], index: index('language-models') },
  'command line': { from: ['node_modules/commander'], index: index('command-line') },
  'data and schemas': { from: ['node_modules/devalue', 'node_modules/zod', 'node_modules/arktype', 'node_modules/valibot'], index: index('data-and-schemas') },
  testing: { from: ['node_modules/fast-check', 'node_modules/vitest', 'node_modules/@copilotkit/aimock'], index: index('testing') },
} as const
const topics = Object.keys(shelves) as (keyof typeof shelves)[]

const Question = z.object({
  topic: z.enum(topics).describe(
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

/** check → route by topic → retrieve → answer with citations → verify (the output schema `cited` refuses a quote that is not in its source). */
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
)

/** Many questions in one run: what the drill kills in the middle. */
export const survey = map('survey', desk, { concurrency: 2 })
