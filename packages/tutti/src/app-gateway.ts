import { checkTokenizer, type Gateway, type GatewayOptions, gateway, isInstalled, type TextEmbedder } from './model/index.ts'
import { minilm } from './retrieval/index.ts'

type Said = Pick<GatewayOptions, 'model' | 'prices' | 'tokenizer'> & { readonly overrides?: { readonly models?: GatewayOptions['overrides'] } | undefined }

/** The gateway that an app's options speak of. @throws CONFIG_INVALID */
export function gatewayOf({ model, prices, overrides, tokenizer = 'auto' }: Said, o: Pick<GatewayOptions, 'env' | 'cwd' | 'limits'>): Gateway {
  checkTokenizer(tokenizer)
  return gateway({ model, prices, overrides: overrides?.models, tokenizer, ...o, embedder: embedderAt(o.cwd) })
}

/** The embedding model is loaded when something is first compared by meaning. Without its package, words decide. */
function embedderAt(cwd: string): TextEmbedder | undefined {
  return isInstalled('@tutti/embed-minilm', cwd) ? { embed: async (texts) => (await minilm()).embed(texts) } : undefined
}
