/** docs/from-ai-sdk.md: what changes between two examples, one an agent of the AI SDK, the other the same agent as a run of tutti. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePage } from './page.ts'

const example = (name: string): readonly string[] =>
  readFileSync(join(import.meta.dirname, `../examples/${name}.ts`), 'utf8')
    .trimEnd()
    .split('\n')

export interface Change {
  readonly sign: ' ' | '-' | '+'
  readonly line: string
}

/** By the longest common subsequence: as few lines as can be are taken away and added. */
export function diffOf(before: readonly string[], after: readonly string[]): Change[] {
  const longest = before.map(() => after.map(() => 0))
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = longest[i] as number[]
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const changes: Change[] = []
  for (let i = 0, j = 0; i < before.length || j < after.length; ) {
    if (i < before.length && before[i] === after[j]) {
      changes.push({ sign: ' ', line: before[i++] as string })
      j++
    } else if (i < before.length && (j >= after.length || at(i + 1, j) >= at(i, j + 1))) changes.push({ sign: '-', line: before[i++] as string })
    else changes.push({ sign: '+', line: after[j++] as string })
  }
  return changes
}

export const changes = (): Change[] => diffOf(example('from-ai-sdk-before'), example('from-ai-sdk'))

export function fromAiSdkPage(): string {
  const diff = changes()
  const count = (sign: Change['sign']): number => diff.filter((change) => change.sign === sign).length
  return `# From the AI SDK

Made by \`npm run pages\` from [examples/from-ai-sdk-before.ts](../examples/from-ai-sdk-before.ts) and [examples/from-ai-sdk.ts](../examples/from-ai-sdk.ts); not edited by hand.

An agent as the documentation of the AI SDK shows one, and what changes when it becomes a run of tutti: ${count('-')} lines go, ${count('+')} come. Its tools and its model stay what they are.

\`\`\`diff
${diff.map(({ sign, line }) => `${sign}${line}`.trimEnd()).join('\n')}
\`\`\`

Each call of the model and of a tool is a recorded step now. A run that is killed goes on where it was, in the next process; \`tutti show\` tells what happened, \`tutti replay\` plays it again
without a model, and \`budget\`, \`deadline\` and [approvals](tools.md#approval) hold for it.

| of the AI SDK | here |
|---|---|
| \`tool()\`, \`dynamicTool()\`, a tool set | \`adopt(tools, { effect })\`: \`effect\` says whether a call may be repeated. Left out it is \`'once'\`: after a crash in the middle of a call, a person says what became of it |
| a tool without \`execute\` | refused: what runs in the browser cannot be called here |
| \`contextSchema\` of a tool, \`toolsContext\` | \`adopt(tools, { toolsContext: { weather: { apiKey } } })\`, checked when the tool is adopted, in no journal; without it such a tool is refused |
| \`needsApproval\` of a tool | kept: the run waits for a person, durably; a function is asked with the input, and is given no messages |
| a model of a provider package (V2, V3, V4) | \`agent({ model })\`, as it is; several are a chain |
| \`stopWhen: isStepCount(n)\` | \`limits: { turns: n }\`. A loop that is cut off fails with \`AGENT_TURN_LIMIT\`; it does not answer with what it has |
| \`UIMessage[]\`, \`ModelMessage[]\` | the prompt of \`app.run(agent, messages)\`, as they are |
| \`output: Output.object({ schema })\` | \`output: schema\`, checked, and repaired when it does not fit |
| \`onStepFinish\` and the like | \`for await (const event of handle.events())\`, or [hooks](agents.md#hooks) |
`
}

export function writeFromAiSdk(): void {
  writePage('docs/from-ai-sdk.md', fromAiSdkPage())
}
