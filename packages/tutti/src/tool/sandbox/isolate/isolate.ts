/**
 * One program in a QuickJS of its own, in WebAssembly: a memory of its own, and no way out but the text that the prelude sends.
 *
 * Owns: the instance and what has come out of it. Does not own: the thread, and when to give up on it (sandbox-threads.ts).
 * Invariants:
 * 1. nothing of the host is reachable inside: what is handed in is text, numbers and one function that takes text;
 * 2. what comes out is text, its length looked at before it is copied;
 * 3. the same program, told the same, makes the same calls: its clock stands still, its chance is seeded, its time zone is UTC;
 * 4. an instance that failed in a way the language does not know (its stack or memory broken) is never used again.
 */
import { stripTypeScriptTypes } from 'node:module'
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core'
import type { Call, CodeEnd, LimitName, Limits, Program, Told, Turn } from '../turn.port.ts'
import { prelude } from './prelude.ts'

/** Far below what the thread has, so that the language says `stack overflow` before the machine does. */
const STACK_BYTES = 256 * 1024
/** Jobs between two looks at the clock. */
const JOBS = 100
const LONGEST_LOG = 2_000

/** A limit was passed; the isolate is of no use any more. */
export class LimitPassed extends Error {
  readonly limit: LimitName
  constructor(limit: LimitName) {
    super(`the limit of ${limit} was passed`)
    this.limit = limit
  }
}

export class Isolate {
  /** How many answers it was told. */
  told = 0
  readonly #context: QuickJSContext
  readonly #runtime: QuickJSRuntime
  readonly #limits: Limits
  readonly #program: Program
  #begin!: QuickJSHandle
  #tell!: QuickJSHandle
  #complain!: QuickJSHandle
  #main: QuickJSHandle | undefined
  #until = 0
  #over: LimitName | undefined
  #calls: Call[] = []
  #logs: string[] = []
  #logged = 0
  #end: CodeEnd | undefined

  constructor(quickjs: QuickJSWASMModule, program: Program, limits: Limits) {
    this.#program = program
    this.#limits = limits
    this.#runtime = quickjs.newRuntime()
    this.#runtime.setMemoryLimit(limits.memoryBytes)
    this.#runtime.setMaxStackSize(STACK_BYTES)
    this.#runtime.setInterruptHandler(() => this.#over !== undefined || workedMs() > this.#until)
    this.#context = this.#runtime.newContext()
  }

  /** Runs the code until it waits, or ends. @throws LimitPassed, or what the instance broke with */
  begin(): Turn {
    return this.#turn(() => {
      this.#furnish()
      const main = this.#compile()
      if (main) this.#main = this.#call(this.#begin, main)
    })
  }

  /** Answers one of its calls, and runs it on. */
  tell({ id, ok, value }: Told): Turn {
    this.told++
    const vm = this.#context
    return this.#turn(() => this.#call(this.#tell, vm.newNumber(id), ok ? vm.true : vm.false, vm.newString(value)))
  }

  #turn(go: () => void): Turn {
    this.#until = workedMs() + this.#limits.cpuMs
    this.#calls = []
    this.#logs = []
    go()
    while (this.#runtime.hasPendingJob()) {
      const done = this.#runtime.executePendingJobs(JOBS)
      this.#check()
      const failed = done.error !== undefined
      done.dispose()
      // A job catches what code throws and hands it to its promise: one that fails itself had no memory left for that, and its promise would wait for ever.
      if (failed) throw new LimitPassed('memory')
    }
    this.#check()
    // The prelude catches whatever the code throws; that it failed itself means that there was no memory left even for that.
    if (this.#main && this.#context.getPromiseState(this.#main).type === 'rejected') throw new LimitPassed('memory')
    return { calls: this.#calls, logs: this.#logs, ...(this.#end ? { end: this.#end } : {}) }
  }

  #check(): void {
    if (this.#over) throw new LimitPassed(this.#over)
    if (workedMs() > this.#until) throw new LimitPassed('time')
  }

  #furnish(): void {
    const vm = this.#context
    const { seed, tools, input } = this.#program
    const send = vm.newFunction('send', (kind, first, second) => this.#receive(kind, first, second))
    const furnish = vm.unwrapResult(vm.evalCode(prelude, 'prelude'))
    const given = [send, this.#array(wordsOf(seed)), this.#array(tools), vm.newString(input), vm.newNumber(this.#limits.outputChars)]
    const made = this.#call(furnish, ...given)
    this.#begin = vm.getProp(made, 0)
    this.#tell = vm.getProp(made, 1)
    this.#complain = vm.getProp(made, 2)
  }

  /** The code as a function; without its types where that makes it JavaScript. What is neither has ended, with the complaint of the language. */
  #compile(): QuickJSHandle | undefined {
    const vm = this.#context
    const body = bodyOf(this.#program.code)
    const made = vm.evalCode(body, 'code')
    this.#check()
    if (!made.error) return made.value
    const plain = stripped(body)
    const again = plain === undefined || plain === body ? made : vm.evalCode(plain, 'code')
    this.#check()
    if (!again.error) return again.value
    this.#call(this.#complain, made.error)
    return undefined
  }

  /** Only the prelude is called from here, so what fails is no error of the code; and nothing is read of it, for it may be the code's own making. */
  #call(fn: QuickJSHandle, ...args: QuickJSHandle[]): QuickJSHandle {
    const made = this.#context.callFunction(fn, this.#context.undefined, ...args)
    this.#check()
    if (made.error) throw new LimitPassed('memory')
    return made.value
  }

  #array(items: readonly (string | number)[]): QuickJSHandle {
    const vm = this.#context
    const array = vm.newArray()
    items.forEach((item, i) => {
      vm.setProp(array, i, typeof item === 'string' ? vm.newString(item) : vm.newNumber(item))
    })
    return array
  }

  #receive(kind: QuickJSHandle, first: QuickJSHandle | undefined, second: QuickJSHandle | undefined): void {
    const said = this.#text(first)
    if (said === undefined) return
    switch (this.#text(kind)) {
      case 'log':
        return this.#log(said)
      case 'call': {
        const input = this.#text(second)
        if (input === undefined) return
        const [id, tool] = JSON.parse(said) as [number, string]
        this.#calls.push({ id, tool, input })
        return
      }
      case 'returned':
        this.#end ??= { ok: true, value: said }
        return
      case 'threw':
        this.#end ??= { ok: false, says: said }
        return
      default:
        this.#over ??= 'output'
    }
  }

  #log(line: string): void {
    if (this.#logged > this.#limits.outputChars) return
    this.#logged += line.length + 1
    const left = this.#logged > this.#limits.outputChars
    this.#logs.push(left ? '… (more was logged)' : line.length > LONGEST_LOG ? `${line.slice(0, LONGEST_LOG)}…` : line)
  }

  /** A text, if it is one and not too long to be copied out. */
  #text(handle: QuickJSHandle | undefined): string | undefined {
    const vm = this.#context
    if (!handle || vm.typeof(handle) !== 'string') return undefined
    if (vm.getProp(handle, 'length').consume((length) => vm.getNumber(length)) <= this.#limits.outputChars) return vm.getString(handle)
    this.#over ??= 'output'
    return undefined
  }
}

/** What this thread has worked, where Node can say so (23.9): on a busy machine that is far less than what has passed. */
const workedMs: () => number =
  typeof process.threadCpuUsage === 'function'
    ? () => {
        const { user, system } = process.threadCpuUsage()
        return (user + system) / 1_000
      }
    : () => performance.now()

const bodyOf = (code: string): string => `(async () => {${code}\n})`

/** Without its types, where that is all that keeps it from being JavaScript. */
function stripped(body: string): string | undefined {
  try {
    return stripTypeScriptTypes(body)
  } catch {
    return undefined
  }
}

/** Four words of 32 bits from a text (FNV-1a, begun at four places). */
function wordsOf(seed: string): number[] {
  return [0, 1, 2, 3].map((start) => {
    let hash = 0x811c9dc5 ^ (start * 0x9e3779b1)
    for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193)
    return hash | 0
  })
}
