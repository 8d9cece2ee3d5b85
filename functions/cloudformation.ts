import type { CloudFormationCustomResourceResponse } from 'aws-lambda'

const ATTEMPTS = 3
const ANSWER_MS = 10_000

/** Without an answer CloudFormation waits for an hour, so it is given more than once. */
export async function respond(url: string, response: CloudFormationCustomResourceResponse): Promise<void> {
  const body = JSON.stringify(response)
  for (let attempt = 1; ; attempt++) {
    try {
      // The URL is signed without a content type.
      const headers = { 'content-type': '' }
      const answer = await fetch(url, { method: 'PUT', body, headers, signal: AbortSignal.timeout(ANSWER_MS) })
      if (!answer.ok) throw new Error(`CloudFormation took no answer: ${answer.status}`)
      return
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
    }
  }
}
