// A list of activities that loads page by page.

import { graphql } from 'relay-runtime';

export const page = graphql`
  fragment relay_page on User
    @refetchable(queryName: "RelayPageQuery")
    @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" }) {
    activities(first: $count, after: $cursor) @connection(key: "relay_page_activities") {
      edges { node { id path date } }
    }
  }
`;
