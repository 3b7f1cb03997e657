import { TuttiError } from '../../errors/index.ts'
import type { FlowVersion, QueueLimits, RunHead } from '../../journal/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import { queueLimits, tightest } from '../queue-limits.ts'

/** The flows an app knows, by name and version (I9). */
export class Registry {
  readonly #flows = new Map<string, Map<string, AnyFlow>>()
  readonly #limits = new Map<string, QueueLimits>()
  /** Earlier versions, and the flow that carries their runs over. */
  readonly #carriers = new Map<string, Map<string, AnyFlow>>()

  /** @throws CONFIG_FLOW_DUPLICATE */
  constructor(flows: readonly AnyFlow[]) {
    for (const flow of flows) {
      const known = this.#flows.get(flow.name)?.get(flow.version)
      if (known && known !== flow)
        throw new TuttiError('CONFIG_FLOW_DUPLICATE', `two flows are called '${flow.name}', version ${flow.version}`, {
          data: { flow: flow.name, version: flow.version },
        })
      this.add(flow)
    }
  }

  add(flow: AnyFlow): void {
    const versions = this.#flows.get(flow.name) ?? new Map<string, AnyFlow>()
    if (versions.get(flow.version) === flow) return
    this.#flows.set(flow.name, versions.set(flow.version, flow))
    this.#addCarrier(flow)
    const queues = [...versions.values()].flatMap(({ name, '~flow': { options } }) => (options.queue ? [queueLimits(name, options.queue)] : []))
    if (queues.length > 0) this.#limits.set(flow.name, tightest(queues))
    else this.#limits.delete(flow.name)
  }

  #addCarrier(flow: AnyFlow): void {
    const carriers = this.#carriers.get(flow.name) ?? new Map<string, AnyFlow>()
    for (const earlier of Object.keys(flow['~flow'].options.migrations ?? {})) carriers.set(earlier, flow)
    this.#carriers.set(flow.name, carriers)
  }

  /** Of the queue that all versions of a flow share; `undefined` where none of them has one. */
  limitsOf(flow: string): QueueLimits | undefined {
    return this.#limits.get(flow)
  }

  queuedFlows(): readonly string[] {
    return [...this.#limits.keys()]
  }

  /** What runs may be pinned to, so that they can be driven here. Default: of every flow. */
  versions(of?: string): readonly FlowVersion[] {
    const flows = of === undefined ? [...this.#flows] : [[of, this.#flows.get(of) ?? new Map<string, AnyFlow>()] as const]
    return flows.flatMap(([flow, versions]) =>
      [...new Set([...versions.keys(), ...(this.#carriers.get(flow)?.keys() ?? [])])].map((version) => ({ flow, version })),
    )
  }

  /** The version that was registered last. */
  latest(flow: string): AnyFlow | undefined {
    return [...(this.#flows.get(flow)?.values() ?? [])].at(-1)
  }

  has({ flow, version }: FlowVersion): boolean {
    return this.#flows.get(flow)?.has(version) === true || this.#carriers.get(flow)?.has(version) === true
  }

  /** The flow that a run is driven by: of its own version, else one that carries it over. @throws CONFIG_FLOW_UNKNOWN | RUN_VERSION_MISMATCH */
  get(head: Pick<RunHead, 'run' | 'flow' | 'version'>): AnyFlow {
    const versions = this.#flows.get(head.flow)
    if (!versions)
      throw new TuttiError('CONFIG_FLOW_UNKNOWN', `the run '${head.run}' is of the flow '${head.flow}', which this app does not register`, {
        hint: `Add '${head.flow}', version ${head.version}, to \`tutti({ flows })\`; \`app.stranded()\` lists every run like this one.`,
        data: { run: head.run, flow: head.flow },
      })
    const flow = versions.get(head.version) ?? this.#carriers.get(head.flow)?.get(head.version)
    if (flow) return flow
    throw new TuttiError(
      'RUN_VERSION_MISMATCH',
      `the run '${head.run}' began with version ${head.version} of '${head.flow}'; this app has ${[...versions.keys()].join(', ')}`,
      {
        hint: `Register version ${head.version} beside ${versions.size > 1 ? 'them' : 'it'}, or carry the run over; \`app.stranded()\` lists every run like this one.`,
        data: { run: head.run, flow: head.flow, recorded: head.version, registered: [...versions.keys()] },
      },
    )
  }
}
