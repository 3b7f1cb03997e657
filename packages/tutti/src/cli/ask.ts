import { type Duration, durationMs } from '../primitives/index.ts'
import { exitCodeOfAnswer, printAnswer } from './answer.ts'
import { requestOf } from './corpus.ts'
import { CorpusProgress } from './corpus-progress.ts'
import { drive } from './drive.ts'
import { finish } from './finish.ts'
import { type Answer, type AskInput, askable, commandFlows } from './flows.ts'
import { homeOf } from './home.ts'
import type { CommonOptions, CorpusOptions } from './options.ts'
import { openSession } from './session.ts'
import type { Terminal } from './terminal.ts'

export interface AskOptions extends CommonOptions, CorpusOptions {
  /** USD. */
  readonly budget?: number | undefined
  readonly model?: string | undefined
  readonly deadline?: string | undefined
  readonly top: number
  readonly words?: boolean | undefined
}

/** `tutti ask`: one question, one run. What is wrong with the question or the options is said before a run is begun. */
export async function ask(terminal: Terminal, words: readonly string[], o: AskOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const question = askable(words.length === 1 && words[0] === '-' ? await terminal.readInput() : words.join(' '))
  const request = requestOf(terminal.cwd, o)
  const deadline = o.deadline as Duration | undefined
  if (deadline !== undefined) durationMs(deadline)
  if (o.model !== undefined) await checkModel(terminal, o.model)
  const flows = commandFlows(home)
  const engine = openSession(terminal, home, { flows: [flows.ask], words: o.words })
  const progress = new CorpusProgress(engine.store)
  const input: AskInput = { question, top: o.top, words: o.words === true, ...(o.model === undefined ? {} : { model: o.model }), ...request }
  try {
    const run = await engine.start(flows.ask, input, { deadline, budget: o.budget === undefined ? undefined : { usd: o.budget } })
    if (!o.words) preload()
    const driven = await drive<Answer>(engine, run, terminal, { quiet: o.json, ...progress })
    return finish(terminal, home, driven, {
      json: o.json,
      print: (answer) => printAnswer(terminal, home, answer, driven.picture, request.root),
      exitCode: exitCodeOfAnswer,
    })
  } finally {
    await engine.close({ graceMs: 0 })
    await flows.close()
  }
}

/** @throws MODEL_UNKNOWN | MODEL_PACKAGE_MISSING | MODEL_KEY_MISSING */
async function checkModel({ env, cwd }: Terminal, model: string): Promise<void> {
  const { resolveModel } = await import('../model/index.ts')
  await resolveModel(model, { env, cwd })
}

/** Loading the embedding model takes about a second; meanwhile the documentation is looked at. What goes wrong is said by whoever needs it. */
function preload(): void {
  import('../retrieval/index.ts').then(({ minilm }) => minilm()).catch(() => {})
}
