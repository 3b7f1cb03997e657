/**
 * The providers that a 'provider/model' id may name: data only. `create` is the factory that the package exports; `settings` says which variables of the
 * environment become which of its options (the first variable is the one a person is told to set); `needs` lists what must be there: one option of each group.
 */

export interface ProviderLine {
  readonly package: string
  readonly create: string
  readonly settings: Readonly<Record<string, readonly string[]>>
  readonly needs: readonly (readonly string[])[]
  /** Set for an OpenAI-compatible server of the user's own: where it usually listens. */
  readonly localUrl?: string | undefined
  /** The model taken when this provider is chosen because its key is there. */
  readonly defaultModel?: string | undefined
}

const keyed = (name: string, create: string, keys: readonly string[], more: { baseURL?: string; defaultModel?: string } = {}): ProviderLine => ({
  package: name,
  create,
  settings: { apiKey: keys, ...(more.baseURL === undefined ? {} : { baseURL: [more.baseURL] }) },
  needs: [['apiKey']],
  defaultModel: more.defaultModel,
})

const local = (localUrl: string, name: string): ProviderLine => ({
  package: '@ai-sdk/openai-compatible',
  create: 'createOpenAICompatible',
  settings: { baseURL: [name === 'LOCAL' ? 'TUTTI_LOCAL_URL' : `${name}_BASE_URL`], apiKey: [name === 'LOCAL' ? 'TUTTI_LOCAL_KEY' : `${name}_API_KEY`] },
  needs: [],
  localUrl,
})

/** In the order in which a default is looked for. */
export const providerTable: Readonly<Record<string, ProviderLine>> = {
  anthropic: keyed('@ai-sdk/anthropic', 'createAnthropic', ['ANTHROPIC_API_KEY'], { baseURL: 'ANTHROPIC_BASE_URL', defaultModel: 'claude-sonnet-4-5' }),
  openai: keyed('@ai-sdk/openai', 'createOpenAI', ['OPENAI_API_KEY'], { baseURL: 'OPENAI_BASE_URL', defaultModel: 'gpt-5-mini' }),
  google: keyed('@ai-sdk/google', 'createGoogleGenerativeAI', ['GOOGLE_GENERATIVE_AI_API_KEY', 'GEMINI_API_KEY'], {
    baseURL: 'GOOGLE_GENERATIVE_AI_BASE_URL',
    defaultModel: 'gemini-2.5-flash',
  }),
  mistral: keyed('@ai-sdk/mistral', 'createMistral', ['MISTRAL_API_KEY'], { defaultModel: 'mistral-medium-latest' }),
  xai: keyed('@ai-sdk/xai', 'createXai', ['XAI_API_KEY'], { defaultModel: 'grok-4.3' }),
  deepseek: keyed('@ai-sdk/deepseek', 'createDeepSeek', ['DEEPSEEK_API_KEY'], { defaultModel: 'deepseek-chat' }),
  groq: keyed('@ai-sdk/groq', 'createGroq', ['GROQ_API_KEY'], { defaultModel: 'openai/gpt-oss-120b' }),
  cohere: keyed('@ai-sdk/cohere', 'createCohere', ['COHERE_API_KEY'], { defaultModel: 'command-a-03-2025' }),
  openrouter: keyed('@openrouter/ai-sdk-provider', 'createOpenRouter', ['OPENROUTER_API_KEY'], { defaultModel: 'openrouter/auto' }),
  togetherai: keyed('@ai-sdk/togetherai', 'createTogetherAI', ['TOGETHER_API_KEY', 'TOGETHER_AI_API_KEY']),
  fireworks: keyed('@ai-sdk/fireworks', 'createFireworks', ['FIREWORKS_API_KEY']),
  cerebras: keyed('@ai-sdk/cerebras', 'createCerebras', ['CEREBRAS_API_KEY']),
  deepinfra: keyed('@ai-sdk/deepinfra', 'createDeepInfra', ['DEEPINFRA_API_KEY']),
  perplexity: keyed('@ai-sdk/perplexity', 'createPerplexity', ['PERPLEXITY_API_KEY']),
  gateway: keyed('@ai-sdk/gateway', 'createGateway', ['AI_GATEWAY_API_KEY']),
  azure: {
    package: '@ai-sdk/azure',
    create: 'createAzure',
    settings: { apiKey: ['AZURE_API_KEY'], resourceName: ['AZURE_RESOURCE_NAME'], baseURL: ['AZURE_BASE_URL'] },
    needs: [['apiKey'], ['resourceName', 'baseURL']],
  },
  'amazon-bedrock': {
    package: '@ai-sdk/amazon-bedrock',
    create: 'createAmazonBedrock',
    settings: {
      apiKey: ['AWS_BEARER_TOKEN_BEDROCK'],
      accessKeyId: ['AWS_ACCESS_KEY_ID'],
      secretAccessKey: ['AWS_SECRET_ACCESS_KEY'],
      sessionToken: ['AWS_SESSION_TOKEN'],
      region: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
      baseURL: ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME'],
    },
    needs: [['apiKey', 'accessKeyId'], ['region']],
  },
  'google-vertex': {
    package: '@ai-sdk/google-vertex',
    create: 'createVertex',
    settings: { project: ['GOOGLE_VERTEX_PROJECT'], location: ['GOOGLE_VERTEX_LOCATION'] },
    needs: [['project'], ['location']],
  },
  ollama: local('http://127.0.0.1:11434/v1', 'OLLAMA'),
  lmstudio: local('http://127.0.0.1:1234/v1', 'LMSTUDIO'),
  llamacpp: local('http://127.0.0.1:8080/v1', 'LLAMACPP'),
  vllm: local('http://127.0.0.1:8000/v1', 'VLLM'),
  local: local('http://127.0.0.1:11434/v1', 'LOCAL'),
}

/** Other names people use. */
export const providerAliases: Readonly<Record<string, string>> = {
  bedrock: 'amazon-bedrock',
  vertex: 'google-vertex',
  together: 'togetherai',
  gemini: 'google',
  'openai-compatible': 'local',
}

/** What answers from this machine costs nothing: our own models, and servers of the user's own. */
export const isLocalProvider = (provider: string): boolean => provider === 'tutti' || provider === 'scripted' || providerTable[provider]?.localUrl !== undefined
