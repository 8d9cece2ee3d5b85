import { answerJson, options, serve } from './child.ts'

export interface BareOptions {
  readonly body: string
}

/** The limit of node:http: the same bytes for every request. */
const body = Buffer.from(options<BareOptions>().body)
serve((_, response) => answerJson(response, body))
