import type { SQSClient } from '@aws-sdk/client-sqs'

export interface SqsCall {
  /** Without `Command`. */
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into inputs of every command
  readonly input: any
}

/** A client that answers as a test says, without any server, and remembers what it was asked. */
export function stubClient(answer: (call: SqsCall) => unknown = () => ({})) {
  const calls: SqsCall[] = []
  const send = async (command: { readonly input: unknown }, { abortSignal }: { abortSignal?: AbortSignal } = {}) => {
    abortSignal?.throwIfAborted()
    const call = { name: command.constructor.name.replace(/Command$/, ''), input: command.input }
    calls.push(call)
    return answer(call)
  }
  return {
    client: { send, destroy: () => undefined } as unknown as SQSClient,
    calls,
    /** What was asked by calls of this name. */
    inputs: (name: string) => calls.filter((call) => call.name === name).map((call) => call.input),
  }
}

export const stubUrls = {
  hot: 'http://sqs.test/1/kck-hot',
  normal: 'http://sqs.test/1/kck-normal',
  idle: 'http://sqs.test/1/kck-idle',
}
