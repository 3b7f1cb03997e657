/**
 * Conversations that are longer than what their agents may be shown, made so that it can be told of every prompt whether anything was lost or doubled on the way: everything that is said
 * has a mark of its own, and whoever summarizes writes down the marks of all that it was shown. Each model answers by its prompt alone, so a run that is gone on with takes the same course.
 */
import { agent } from '../agent/index.ts'
import { memory } from '../memory/index.ts'
import type { MessageLike, Prompt } from '../message/index.ts'
import type { Model } from '../model/model.port.ts'
import type { Flow } from '../run/index.ts'
import { type Member, team } from '../team/index.ts'
import { tool } from '../tool/index.ts'
import { flatSchema } from './flat-schema.ts'
import { faultsIn } from './heard.ts'
import { answering, type Scripted, type ScriptedAsk, type ScriptedModel } from './scripted.ts'

const talkers = ['a', 'b', 'c'] as const
const deeds = ['find', 'find', 'break', 'misfit', 'unknown', 'helper', 'say', ...talkers.map((name) => `transfer_to_${name}` as const)] as const
export type Deed = (typeof deeds)[number]
export const everyDeed: readonly Deed[] = deeds

export interface Talk {
  /** What is done in each turn, whoever has it. */
  readonly script: readonly (readonly Deed[])[]
  /** Of each talker; `window: 0`: none. */
  readonly memories: readonly { readonly window: number; readonly summarize: boolean | 'rolling' | 'hierarchical' }[]
  /** Pairs of messages before the task. */
  readonly before: number
  /** Characters that a result, or a message before the task, has. */
  readonly length: number
  /** What the model reports of its input; 0: nothing. */
  readonly bytesPerToken: number
  /** Summaries are empty when they are asked for first. */
  readonly mumbles: boolean
}

/** C: a call; R: its result; W: a word of a person meanwhile; H: what was said before the task. Then the turn, and the place in it. */
const marksIn = (text: string): readonly string[] => text.match(/\b[CRWH][0-9a-z][0-9]\b/g) ?? []
const isWord = (mark: string): boolean => mark.startsWith('W')
const markOf = (kind: string, turn: number, i = 0): string => `${kind}${turn.toString(36)}${i}`
const answered: readonly Deed[] = ['find', 'break', 'helper', 'say']
const isSummary = ({ prompt }: ScriptedAsk): boolean => prompt.startsWith('system: You keep the memory')

/** Of a turn only the first word is one: of two beside one another nobody knows which comes first. */
const deedsIn = (turn: readonly Deed[]): readonly Deed[] => turn.map((deed, i) => (deed === 'say' && turn.indexOf('say') < i ? 'find' : deed))

export class LongTalk {
  readonly flow: Flow<Prompt, string>
  readonly model: ScriptedModel
  readonly helper: ScriptedModel
  readonly #talk: Talk

  /** @param say sends a word to the run; the same again is not heard again */
  constructor(talk: Talk, say: (word: string) => Promise<unknown>, asked: (model: ScriptedModel) => Model = (model) => model) {
    this.#talk = talk
    this.model = answering((ask) => (isSummary(ask) ? this.#summary(ask) : this.#turn(ask)), { named: (ask) => turnIn(ask) })
    this.helper = answering(({ prompt }) => `helped ${markOf('R', ...placeIn(prompt))}`, { id: 'helper' })
    const help = agent({ name: 'helper', model: asked(this.helper), description: 'helps', memory: memory({ window: 320 }) })
    const tools = [...toolsOf(talk.length, say), help.asTool()]
    const members = talkers.map((name, i) => {
      const { window = 0, summarize } = talk.memories[i] ?? {}
      return agent({
        name,
        model: asked(this.model),
        instructions: `You are ${name}.`,
        tools,
        ...(window > 0 ? { memory: memory({ window, summarize }) } : {}),
      })
    })
    this.flow = team('talk', { style: 'handoff', members: members as unknown as [Member], limits: { turns: 40 } })
  }

  get task(): readonly MessageLike[] {
    const { before, length } = this.#talk
    const said = Array.from({ length: before }, (_, i) => [
      { role: 'user' as const, content: `${markOf('H', i, 0)} ${'h'.repeat(length)}` },
      { role: 'assistant' as const, content: markOf('H', i, 1) },
    ])
    return [...said.flat(), { role: 'user', content: 'TASK' }]
  }

  /** What is wrong with what the agents were shown: nothing, when each thing said so far was in it once, in its order, or in the summaries, or counted as left out. @param words 'late': a word of a person
   * may come later than it was said, as it may after a crash
   */
  faults(words: 'in place' | 'late' = 'in place'): readonly string[] {
    const left = new Map<string, number>()
    return this.model.calls.flatMap((ask, call) => {
      if (isSummary(ask)) return []
      const [who, gone] = [talkerIn(ask), Number(standIn.exec(ask.prompt)?.[1] ?? 0)]
      const back = gone < (left.get(who) ?? 0) ? [`what had left ${who} came back`] : []
      left.set(who, gone)
      return [...this.#faultsOf(ask, words === 'late'), ...back].map((fault) => `call ${call}: ${fault}`)
    })
  }

  get summaries(): readonly ScriptedAsk[] {
    return this.model.calls.filter(isSummary)
  }

  /** How many prompts had a message that stands for what left. */
  get shortened(): number {
    return this.model.calls.filter((ask) => !isSummary(ask) && standIn.test(ask.prompt)).length
  }

  #turn(ask: ScriptedAsk): Scripted {
    const turn = turnIn(ask)
    const deed = this.#talk.script[turn]
    const { bytesPerToken } = this.#talk
    const usage = bytesPerToken === 0 ? {} : { usage: { inputTokens: Math.ceil(JSON.stringify(ask.options.prompt).length / bytesPerToken) } }
    if (!deed) return { text: 'the answer', ...usage }
    return { calls: deedsIn(deed).map((each, i) => callOf(each, markOf('C', turn, i))), ...usage }
  }

  #summary({ prompt }: ScriptedAsk): Scripted {
    if (this.#talk.mumbles && !prompt.includes('was not accepted')) return ' '
    return marksIn(prompt).join(' ')
  }

  /** All that was said before this turn, in order. */
  #truth(turn: number): { readonly marks: readonly string[]; readonly messages: number } {
    const { script, before } = this.#talk
    const said = Array.from({ length: before }, (_, i) => [markOf('H', i, 0), markOf('H', i, 1)]).flat()
    let messages = 2 * before + 1
    for (const [at, turnDeeds] of script.slice(0, turn).entries()) {
      const done = deedsIn(turnDeeds)
      said.push(...done.map((_, i) => markOf('C', at, i)), ...done.flatMap((deed, i) => (answered.includes(deed) ? [markOf('R', at, i)] : [])))
      messages += 2
      if (!done.includes('say')) continue
      said.push(markOf('W', at, done.indexOf('say')))
      messages++
    }
    return { marks: said, messages }
  }

  #faultsOf(ask: ScriptedAsk, isLate: boolean): readonly string[] {
    const { options, prompt } = ask
    const said = this.#truth(turnIn(ask))
    const words = isLate ? said.marks.filter(isWord).length : 0
    const truth = isLate ? said.marks.filter((mark) => !isWord(mark)) : said.marks
    const { window = 0, summarize } = this.#talk.memories[talkers.indexOf(talkerIn(ask) as never)] ?? {}
    const stands = standIn.exec(prompt)
    const every = marksIn(prompt)
    const marks = isLate ? every.filter((mark) => !isWord(mark)) : every
    const left = Number(stands?.[1] ?? 0)
    const shown = options.prompt.length - 1 - (stands ? 1 : 0)
    const wanted = stands?.[2] === 'left out' ? truth.slice(truth.length - marks.length) : truth
    return [
      ...faultsIn(options.prompt),
      ...(prompt.split('TASK').length === 2 ? [] : ['the task is not there once']),
      ...(marks.join() === wanted.join() ? [] : [`shown ${marks.join()}, and said was ${wanted.join()}`]),
      ...(new Set(every).size === every.length ? [] : ['something is there twice']),
      // One that comes when the agent has answered already makes it answer once more.
      ...(left + shown <= said.messages + words && left + shown >= said.messages - words ? [] : [`${left} left and ${shown} shown are not ${said.messages}`]),
      ...(stands && window === 0 ? ['something left an agent without memory'] : []),
      ...(stands && (stands[2] === 'left out') === Boolean(summarize) ? [`it was ${stands[2]}`] : []),
    ]
  }
}

const standIn = /\[(\d+) earlier messages? of this conversation (?:is|are) (left out|summarized)/

const talkerIn = ({ prompt }: ScriptedAsk): string => /^system: You are (\w)\./.exec(prompt)?.[1] ?? ''

/** The first that is not in the prompt yet: what came last is always there. */
const turnIn = ({ prompt }: ScriptedAsk): number =>
  Math.max(-1, ...marksIn(prompt).map((mark) => (mark[0] === 'C' ? Number.parseInt(mark[1] as string, 36) : -1))) + 1
const placeIn = (text: string): [turn: number, i: number] => {
  const mark = marksIn(text)[0] ?? 'C00'
  return [Number.parseInt(mark[1] as string, 36), Number(mark[2])]
}

function callOf(deed: Deed, mark: string): { readonly call: string; readonly input: unknown } {
  if (deed === 'misfit') return { call: 'find', input: { wrong: mark } }
  if (deed === 'unknown') return { call: 'nothing', input: { n: mark } }
  if (deed === 'helper') return { call: 'helper', input: { prompt: `help ${mark}` } }
  return deed.startsWith('transfer') ? { call: deed, input: { reason: `because of ${mark}` } } : { call: deed, input: { n: mark } }
}

function toolsOf(length: number, say: (word: string) => Promise<unknown>) {
  const input = flatSchema<{ n: string }>({ n: 'string' })
  const result = (n: string): string => `${markOf('R', ...placeIn(n))} ${'r'.repeat(length)}`
  return [
    tool({ name: 'find', description: '', input, effect: 'read', execute: ({ n }) => `found ${result(n)}` }),
    tool({
      name: 'break',
      description: '',
      input,
      effect: 'read',
      execute: ({ n }) => {
        throw new Error(`broken ${result(n)}`)
      },
    }),
    tool({ name: 'say', description: '', input, effect: 'read', execute: async ({ n }) => say(markOf('W', ...placeIn(n))).then(() => `said ${result(n)}`) }),
  ]
}
