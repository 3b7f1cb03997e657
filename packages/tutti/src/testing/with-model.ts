/** What an engine needs so that its flows can ask models. */
import { type GatewayOptions, gateway, gatewayKey, type ModelLike } from '../model/index.ts'
import type { Services } from '../run/index.ts'

/** @param model for agents that declare none. @example testEngine([], withModel(scripted(['hello']))) */
export function withModel(model: ModelLike | undefined, o: Partial<GatewayOptions> = {}): { readonly services: Services } {
  const asked = gateway({ model, env: {}, cwd: import.meta.dirname, ...o })
  return { services: new Map<string, unknown>([[gatewayKey.service, asked]]) }
}
