// The operations of the README, as an application would write them.

import { graphql } from './generated/gql';

export const Log = graphql(`
  mutation Log($input: LogActivityInput!) {
    logActivity(input: $input) { activity { id } userErrors { message } }
  }
`);

export const Latest = graphql(`
  query Latest {
    activities(first: 10) { nodes { date path user { username } session { userAgent } ipAddress } }
  }
`);

export const Person = graphql(`
  query Person {
    user(username: "jeff") {
      lastSeenAt
      activities(first: 50, where: { path: { startsWith: "/checkout" }, date: { gte: "2026-11-01T00:00:00Z" } }) {
        nodes { date path name session { id userAgent } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const Watch = graphql(`
  subscription Watch {
    activityLogged(where: { path: { startsWith: "/checkout" } }) { date path user { username } }
  }
`);

export const Figures = graphql(`
  query Figures {
    activityStats(where: { date: { gte: "2026-11-01T00:00:00Z", lt: "2026-12-01T00:00:00Z" } }) {
      activities users sessions visitors
      timeline(bucket: DAY, timeZone: "Europe/Berlin") { start activities users }
      top(by: PATH, first: 5) { value activities }
    }
  }
`);
