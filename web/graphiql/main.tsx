import "./workers";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import starter from "./starter.graphql?raw";
import "./style.css";

const url = new URL("graphql", document.baseURI);
const live = new URL("graphql/ws", document.baseURI);
live.protocol = live.protocol.replace("http", "ws");

const fetcher = createGraphiQLFetcher({ url: url.href, wsClient: createClient({ url: live.href }) });

/** Where the server is nested, the console has no slash at its end. */
const home = document.baseURI.replace(/\/$/, "");

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={[{ query: starter }]}
      defaultEditorToolsVisibility={false}
      // They may hold tokens.
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <a className="home" href={home}>djaffar</a>
      </GraphiQL.Logo>
    </GraphiQL>,
  );
}
