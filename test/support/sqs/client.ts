import { SQSClient } from '@aws-sdk/client-sqs'

/** The SDK wants some, the server none. */
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

/** A client that gives up an answer after `answerMs`. */
export function sqsClient(endpoint: string, answerMs = 10_000): SQSClient {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: answerMs, throwOnRequestTimeout: true }
  return new SQSClient({ endpoint, region: 'eu-central-1', credentials, requestHandler })
}
