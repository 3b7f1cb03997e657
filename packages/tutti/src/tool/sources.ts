/** The sources that an app has opened: one connection for all its runs. */
import { TuttiError } from '../errors/index.ts'
import type { ServiceKey } from '../run/effect.port.ts'
import type { DeclaredSource, OpenSource, SourceGround, ToolSources } from './source.port.ts'

/** Where an app keeps them among its services. */
export const toolSourcesKey: ServiceKey<ToolSources> = { service: 'tool.sources' }

export const toolSources = (ground: SourceGround): ToolSources => new OpenedSources(ground)

class OpenedSources implements ToolSources {
  readonly #ground: SourceGround
  /** By key, or by the declaration itself. */
  readonly #opened = new Map<unknown, OpenSource>()
  #closed = false

  constructor(ground: SourceGround) {
    this.#ground = ground
  }

  open(source: DeclaredSource): OpenSource {
    if (this.#closed) throw new TuttiError('ENGINE_CLOSED', `the app was closed, so its tools of '${source['~tools']}' cannot be reached`)
    const body = source['~source']
    const key = body.key ?? source
    const opened = this.#opened.get(key) ?? body.open(this.#ground)
    this.#opened.set(key, opened)
    return opened
  }

  async close(): Promise<void> {
    this.#closed = true
    const opened = [...this.#opened.values()]
    this.#opened.clear()
    await Promise.allSettled(opened.map((source) => source.close()))
  }
}
