import { useCallback, useState } from "react";
import { type AnyVariables, type TypedDocumentNode, useMutation } from "urql";
import { problem } from "./problem";

interface Answer {
  userErrors: { message: string }[];
}

/** A mutation that says in a sentence why it was refused. */
export function useChange<Data extends Record<string, Answer | string | undefined>, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
) {
  const [{ fetching }, execute] = useMutation(document);
  const [refusal, setRefusal] = useState<string>();
  const change = useCallback(
    async (variables: Variables): Promise<Data | undefined> => {
      const { data, error } = await execute(variables);
      const answers = Object.values(data ?? {}).filter((answer) => typeof answer === "object");
      const message = error ? problem(error) : answers[0]?.userErrors[0]?.message;
      setRefusal(message);
      return message ? undefined : data;
    },
    [execute],
  );
  return { change, refusal, fetching };
}
