/**
 * Tools that are found when they are needed: an MCP server, an OpenAPI document. Types only.
 *
 * A source says what tools it has; an agent records that when its loop begins, as the step `tools:<id>`, and works with what is recorded: a replay needs
 * no server, and a resumed run shows its model the tools that it began with. A call of one of them is a recorded tool step like any other.
 */
import type { Effect } from '../journal/index.ts'
import type { FilePart } from '../message/index.ts'
import type { Duration, Json, JsonSchema } from '../primitives/index.ts'
import type { Approve, Run, StepContext, ToolSource } from '../run/index.ts'

/** A tool as its source describes it. Recorded as it is: JSON. */
export interface SourcedTool {
  /** At the source. The model reads `<id of the source>_<name>`. */
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonSchema
  readonly effect: Effect
  /** Of name, description and input schema: what a person has approved. */
  readonly hash: string
  /** Whatever else the source needs to call it. */
  readonly with?: Json | undefined
}

/** What a source is given to open with. */
export interface SourceGround {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** The folder where tutti keeps its things. Left out: nothing is kept (a test). */
  readonly home: string | undefined
  /** A package of the user's, or its `subpath`; `undefined` when it is not installed. */
  importPackage(name: string, subpath?: string): Promise<Record<string, unknown> | undefined>
}

/** A declared source: `open` is called once an app, when a run first needs it; what it opens is closed with the app. */
export interface SourceBody {
  readonly id: string
  /** Two declarations with one key share what is opened. Left out: each has its own. */
  readonly key?: string | undefined
  /** What the list of tools rests on, beside the id: part of the fingerprint of its step. No secret: it is hashed only, but it also decides what a fork takes over. */
  readonly asked?: Json | undefined
  /** A person approves its tools, in the file of pins. `'first-use'`: what it offers when it is first seen is taken as approved. Left out: nobody need approve. */
  readonly pinned?: 'first-use' | 'approved' | undefined
  /** Of each call, in all; of listing. */
  readonly timeout?: Duration | undefined
  /** How long a call may show no sign of life. */
  readonly idle?: Duration | undefined
  approve?(tool: SourcedTool): Approve<never> | undefined
  /** A call that may be of several steps (a server that asks back): `call` makes one of them. Left out: a call is one step. */
  conduct?(tool: SourcedTool, input: unknown, o: { readonly run: Run; call(input: unknown): Promise<unknown> }): Promise<unknown>
  /** What the model is shown of a recorded outcome. Left out: the outcome. */
  shown?(tool: SourcedTool, outcome: unknown): ShownResult
  /** Returns at once; connecting waits until something is asked. */
  open(ground: SourceGround): OpenSource
}

export interface OpenSource {
  /** @throws TOOL_SOURCE_UNREACHABLE, and what the source throws of its own */
  list(ctx: StepContext): Promise<readonly SourcedTool[]>
  /** What it offers now, approved or not: for whoever is to approve. */
  offered?(ctx: Pick<StepContext, 'scope' | 'signal' | 'heartbeat'>): Promise<readonly SourcedTool[]>
  /** One attempt at a call. What it returns is recorded; what it throws is a failure, which for a `once` tool is a doubt unless it is `notDone()`. */
  call(tool: SourcedTool, input: unknown, ctx: StepContext): Promise<unknown>
  close(): Promise<void>
}

/** What a model is told of a call. */
export interface ShownResult {
  readonly output: Json
  /** The tool says that it did not do it. */
  readonly failed?: boolean | undefined
  readonly files?: readonly FilePart[] | undefined
}

export interface DeclaredSource extends ToolSource {
  readonly '~source': SourceBody
}

/** What an app keeps among its services: each source opened once, closed with the app. */
export interface ToolSources {
  open(source: DeclaredSource): OpenSource
  close(): Promise<void>
}
