import { TuttiError } from '../../errors/index.ts'
import { canonical, hash128, type Json } from '../../primitives/index.ts'
import { checkSandboxInstalled, sandboxThreads } from '../sandbox-threads.ts'
import { type CodeLimits, limitsOf } from './limits.ts'

/** Runs code that nobody has read. */
export interface Sandbox {
  /**
   * @param code the body of an async function, in JavaScript or TypeScript
   * @param o.input the value of `input` in the code
   * @throws TOOL_CODE_FAILED with what it threw; TOOL_CODE_LIMIT; the reason of `signal`
   */
  run(code: string, o?: { input?: Json | undefined; signal?: AbortSignal | undefined }): Promise<{ value: Json; logs: readonly string[] }>
}

let sessions = 0

/**
 * QuickJS in WebAssembly, in a thread: no network, no files, no modules. The same code with the same input makes the same value: its clock stands at 1970, its chance is drawn
 * from code and input. For a model that writes code that calls tools there is `codeTool`.
 *
 * @throws CONFIG_PACKAGE_MISSING when QuickJS is not installed; CONFIG_INVALID
 * @example
 * const box = sandbox({ cpu: '200ms' })
 * const { value } = await run.step('price', formula, (code, { signal }) => box.run(code, { input: order, signal }))
 */
export function sandbox(o: CodeLimits = {}): Sandbox {
  checkSandboxInstalled()
  const limits = limitsOf(o)
  return {
    async run(code, { input = null, signal } = {}) {
      const program = { code, input: JSON.stringify(input), tools: [], now: 0, seed: hash128(canonical([code, input])) }
      // Sessions of flows count upwards; these are kept apart from them.
      const [turn] = await sandboxThreads.turns({ session: --sessions, program, limits, told: [] }, signal)
      const end = turn?.end ?? { ok: false as const, says: 'the code waits for something that will never happen' }
      if (!end.ok) throw new TuttiError('TOOL_CODE_FAILED', end.says, { data: { says: end.says } })
      return { value: JSON.parse(end.value) as Json, logs: turn?.logs ?? [] }
    },
  }
}
