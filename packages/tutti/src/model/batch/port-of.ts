/** The batch API of a provider that tutti knows, with the key of the environment. */
import { TuttiError } from '../../errors/index.ts'
import { providerTable } from '../provider-table.ts'
import { type Env, plainId, settingOf } from '../resolve.ts'
import { anthropicBatches } from './anthropic-batches.ts'
import type { BatchPort } from './batch.port.ts'
import { openaiBatches } from './openai-batches.ts'

const makers = { openai: openaiBatches, anthropic: anthropicBatches }

/** @throws MODEL_KEY_MISSING | CONFIG_INVALID */
export function batchPortOf(id: string, env: Env): BatchPort {
  const provider = plainId(id).split('/')[0] as string
  const line = providerTable[provider]
  const make = Object.hasOwn(makers, provider) ? makers[provider as keyof typeof makers] : undefined
  if (!line || !make) throw new TuttiError('CONFIG_INVALID', `tutti knows no batch API of ${provider}`)
  const apiKey = settingOf(line, 'apiKey', env)?.value
  if (apiKey === undefined) throw new TuttiError('MODEL_KEY_MISSING', `'${provider}' needs ${line.settings.apiKey?.[0]}, which the environment does not have`)
  return make({ apiKey, baseUrl: settingOf(line, 'baseURL', env)?.value })
}
