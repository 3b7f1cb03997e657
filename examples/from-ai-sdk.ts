// An agent of the AI SDK, as its documentation shows one. The model is a script, in the place of one with an account.
import { tool } from 'ai'
import { adopt, agent, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const tools = {
  weather: tool({
    description: 'Get the weather in a location (in Fahrenheit)',
    inputSchema: z.object({ location: z.string().describe('The location to get the weather for') }),
    execute: async ({ location }) => ({ location, temperature: 72 }),
  }),
  convertFahrenheitToCelsius: tool({
    description: 'Convert temperature from Fahrenheit to Celsius',
    inputSchema: z.object({ temperature: z.number().describe('Temperature in Fahrenheit') }),
    execute: async ({ temperature }) => ({ celsius: Math.round((temperature - 32) * (5 / 9)) }),
  }),
}

const weatherAgent = agent({
  name: 'weather',
  model: scripted([
    { call: 'weather', input: { location: 'San Francisco' } },
    { call: 'convertFahrenheitToCelsius', input: { temperature: 72 } },
    'It is 22 degrees in San Francisco.',
  ]),
  instructions: 'You are a helpful weather assistant.',
  tools: adopt(tools, { effect: 'read' }),
  limits: { turns: 20 },
})

await using app = tutti({ flows: [weatherAgent] })
const { output: text } = await app.run(weatherAgent, 'What is the weather in San Francisco in celsius?')
console.log(text)
