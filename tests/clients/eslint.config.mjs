import graphql from '@graphql-eslint/eslint-plugin';

// What has no identity of its own: pages, payloads, figures, and parts of an object.
const withoutId = [
  'ActivityStats', 'AuditEventEdge', 'EventRetention', 'PageInfo', 'PersonReport', 'PruneReport', 'Retention',
  'TimelineBucket', 'TopItem', 'UserError', 'Viewer',
];

export default [{
  files: ['**/*.graphql'],
  languageOptions: {
    parser: graphql.parser,
    parserOptions: { graphQLConfig: { schema: '../../schema.graphql' } },
  },
  plugins: { '@graphql-eslint': graphql },
  rules: {
    ...graphql.configs['flat/schema-recommended'].rules,
    ...graphql.configs['flat/schema-relay'].rules,
    '@graphql-eslint/strict-id-in-types': ['error', {
      exceptions: { types: withoutId, suffixes: ['Connection', 'Edge', 'Payload', 'Result'] },
    }],
    // Connections list their nodes beside their edges, as GitHub's do; other lists are not pages.
    // Events of the audit log are found by their page alone, so they are no nodes.
    '@graphql-eslint/relay-edge-types': ['error', {
      withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false,
    }],
    // `username` is a word, and the name that django-djaffar's users know.
    '@graphql-eslint/no-typename-prefix': 'off',
    // Directives are reached by documents, not by types.
    '@graphql-eslint/no-unreachable-types': 'off',
  },
}];
