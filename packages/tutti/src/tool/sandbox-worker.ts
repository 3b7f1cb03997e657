/**
 * The thread in which code of models runs, so that neither its loops nor its failures are the application's: what does not listen is ended with the thread.
 * Started by sandbox-threads.ts. Owns the isolates, each for as long as its code may go on soon; what is gone is played again from what it was told.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { parentPort } from 'node:worker_threads'
import type { CustomizeVariantOptions, QuickJSSyncVariant, QuickJSWASMModule } from 'quickjs-emscripten-core'
import { Isolate, LimitPassed } from './sandbox/isolate/isolate.ts'
import type { Limits, ThreadMessage, Turn, TurnRequest } from './sandbox/turn.port.ts'

/** Isolates that wait for an answer, in one thread. */
const KEPT = 4
const PAGE = 64 * 1024
/** What QuickJS asks for when it starts. */
const FIRST_PAGES = 256

/** The part that is used here: Node's own types leave it to the browser's. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>
  readonly Memory: new (o: { initial: number; maximum: number }) => object
  readonly RuntimeError: new () => Error
}

const port = parentPort
if (!port) throw new Error('sandbox-worker.ts is started by sandbox-threads.ts, as a thread')
const send = (message: ThreadMessage): void => port.postMessage(message)

/** Newest last. */
const isolates = new Map<number, Isolate>()
let now = 0
setTheClockStill()

try {
  const make = await loadQuickjs()
  port.on('message', (request: TurnRequest) => void answer(request, make))
  send({ ready: true })
} catch (error) {
  const { code, message } = error as { code?: string; message: string }
  send(code === 'ERR_MODULE_NOT_FOUND' ? { missing: message } : { broken: message })
}

async function answer(request: TurnRequest, make: (limits: Limits) => Promise<QuickJSWASMModule>): Promise<void> {
  try {
    send({ turns: await turnsOf(request, make) })
  } catch (error) {
    isolates.delete(request.session)
    if (error instanceof LimitPassed) send({ over: error.limit })
    else send(brokenBy(error))
  }
}

async function turnsOf({ session, program, limits, told }: TurnRequest, make: (limits: Limits) => Promise<QuickJSWASMModule>): Promise<readonly Turn[]> {
  now = program.now
  const turns: Turn[] = []
  let isolate = isolates.get(session)
  isolates.delete(session)
  if (!isolate || isolate.told > told.length - 1) {
    isolate = new Isolate(await make(limits), program, limits)
    turns.push(isolate.begin())
  }
  for (const one of told.slice(isolate.told)) turns.push(isolate.tell(one))
  if (!turns.at(-1)?.end) keep(session, isolate)
  return turns
}

function keep(session: number, isolate: Isolate): void {
  isolates.set(session, isolate)
  const [oldest] = isolates.keys()
  if (isolates.size > KEPT && oldest !== undefined) isolates.delete(oldest)
}

/** What reaches this place was not thrown by the code: its instance ran out of stack or memory in a way that the language inside cannot say. */
function brokenBy(error: unknown): ThreadMessage {
  if (error instanceof RangeError || error instanceof WebAssembly.RuntimeError) return { over: 'memory' }
  return { broken: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
}

/** An instance for each program: what one does to its memory is gone with it. */
async function loadQuickjs(): Promise<(limits: Limits) => Promise<QuickJSWASMModule>> {
  const { newQuickJSWASMModuleFromVariant, newVariant } = await import('quickjs-emscripten-core')
  const { default: variant } = (await import('@jitl/quickjs-wasmfile-release-sync')) as unknown as { default: QuickJSSyncVariant }
  const file = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  const wasmModule = await WebAssembly.compile(await readFile(file))
  return ({ memoryBytes }) => {
    const wasmMemory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: FIRST_PAGES + Math.ceil((memoryBytes * 1.5) / PAGE) })
    return newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule, wasmMemory } as CustomizeVariantOptions))
  }
}

/** QuickJS asks this thread for the time and its zone: it is told that of the program, and UTC, or the same code would go another way elsewhere or later. */
function setTheClockStill(): void {
  Date.now = () => now
  const local = Date.prototype
  const fields = ['Date', 'Day', 'FullYear', 'Hours', 'Milliseconds', 'Minutes', 'Month', 'Seconds'] as const
  for (const field of fields) local[`get${field}`] = Date.prototype[`getUTC${field}`]
  local.getTimezoneOffset = () => 0
}
