/**
 * The file of a cassette: JSON lines. The first says what it is of; each other line is one exchange: a question to a model with its answer, or a call of a tool with
 * its outcome.
 *
 * Invariants: what looks like a secret is never written, nor kept in memory; a line is written once and never changed; of exchanges that were asked the same, each is
 * given once, in their order, and then, where nothing is recorded, the last again.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128, type Json } from '../primitives/index.ts'
import { withoutSecrets } from './secrets.ts'

export interface TapeHead {
  readonly cassette: 1
  /** 'provider/model' */
  readonly model: string
  /** The version of the model interface that its answers are in. */
  readonly spec: string
}

interface Exchange {
  readonly kind: 'model' | 'tool'
  readonly asked: Json
  readonly told: Json
}

export class Tape {
  readonly path: string
  #head: TapeHead | undefined
  readonly #exchanges: Exchange[] = []
  /** By what was asked: the exchanges, and how many of them were given. */
  readonly #byKey = new Map<string, { readonly told: Json[]; given: number }>()

  /** @throws CONFIG_INVALID for a file that is no cassette */
  constructor(path: string) {
    this.path = path
    if (!existsSync(path)) return
    const lines = readFileSync(path, 'utf8').split('\n')
    lines.forEach((line, index) => {
      if (line.trim() !== '') this.#read(line, index)
    })
  }

  get head(): TapeHead | undefined {
    return this.#head
  }

  /** @throws CONFIG_INVALID when it is of another model */
  begin(head: TapeHead): void {
    const known = this.#head
    if (known && (known.model !== head.model || known.spec !== head.spec))
      throw new TuttiError('CONFIG_INVALID', `the cassette ${this.path} is of ${known.model} (${known.spec}), and not of ${head.model} (${head.spec})`, {
        hint: 'Remove the file to record it anew, or give each model a cassette of its own.',
      })
    if (known) return
    this.#head = head
    mkdirSync(dirname(this.path), { recursive: true })
    this.#write(head as unknown as Json)
  }

  /** What was told to the same; `undefined`: it is not on the tape, or, unless the last of it is to be told `again`, was told as often as it is there. */
  find(kind: Exchange['kind'], asked: Json, { again }: { readonly again: boolean }): Json | undefined {
    const known = this.#byKey.get(keyOf(kind, withoutSecrets(asked)))
    const told = known?.told[again ? Math.min(known.given, known.told.length - 1) : known.given]
    if (known && told !== undefined) known.given++
    return told
  }

  /** Answers what a replay will be given. */
  record(kind: Exchange['kind'], asked: Json, told: Json): Json {
    const exchange = { kind, asked: withoutSecrets(asked), told: withoutSecrets(told) }
    this.#add(exchange)
    const known = this.#byKey.get(keyOf(kind, exchange.asked))
    if (known) known.given = known.told.length
    this.#write(exchange)
    return exchange.told
  }

  /** What on the tape comes nearest, and where it differs. */
  nearest(kind: Exchange['kind'], asked: Json): string {
    const clean = withoutSecrets(asked)
    const same = this.#exchanges.filter((exchange) => exchange.kind === kind)
    let best: { readonly line: number; readonly differences: readonly string[] } | undefined
    for (const exchange of same) {
      const differences = differencesOf(exchange.asked, clean)
      if (!best || differences.length < best.differences.length) best = { line: this.#exchanges.indexOf(exchange) + 2, differences }
    }
    if (!best) return `it has no ${kind === 'model' ? 'question to a model' : 'call of a tool'}`
    const more = best.differences.length > 1 ? `, and in ${best.differences.length - 1} more places` : ''
    return `the nearest is in line ${best.line}, which differs ${best.differences[0] ?? 'in nothing'}${more}`
  }

  #read(line: string, index: number): void {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new TuttiError('CONFIG_INVALID', `line ${index + 1} of the cassette ${this.path} is not JSON`, {
        cause,
        hint: 'Remove the line, or record it anew.',
      })
    }
    if (index === 0) {
      if ((value as Partial<TapeHead> | null)?.cassette !== 1)
        throw new TuttiError('CONFIG_INVALID', `${this.path} is no cassette that this version reads: its first line is ${line.slice(0, 80)}`)
      this.#head = value as TapeHead
    } else this.#add(value as Exchange)
  }

  #add(exchange: Exchange): void {
    this.#exchanges.push(exchange)
    const key = keyOf(exchange.kind, exchange.asked)
    const known = this.#byKey.get(key) ?? { told: [], given: 0 }
    known.told.push(exchange.told)
    this.#byKey.set(key, known)
  }

  #write(value: Json | Exchange): void {
    appendFileSync(this.path, `${JSON.stringify(value)}\n`)
  }
}

const keyOf = (kind: string, asked: Json): string => hash128(canonical([kind, asked]))

/** `at messages[1].text: "a" there, "b" here`, for every leaf that is not the same. */
function differencesOf(there: Json | undefined, here: Json | undefined, at = ''): string[] {
  if (isNode(there) && isNode(here) && Array.isArray(there) === Array.isArray(here)) {
    const names = [...new Set([...Object.keys(there), ...Object.keys(here)])]
    const inner = Array.isArray(there) ? (name: string) => `${at}[${name}]` : (name: string) => (at === '' ? name : `${at}.${name}`)
    return names.flatMap((name) => differencesOf((there as Node)[name], (here as Node)[name], inner(name)))
  }
  if (there === here) return []
  return [`at ${at || 'the top'}: ${short(there)} there, ${short(here)} here`]
}

type Node = { readonly [name: string]: Json }
const isNode = (value: Json | undefined): value is Node | readonly Json[] => typeof value === 'object' && value !== null

function short(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
