import { randomBytes } from "node:crypto";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import { findChanges } from "./command/changes.ts";
import type { CommandInputs } from "./command/inputs.ts";
import { findInputFailures, readCommandInputs } from "./command/inputs.ts";
import type { CommandOutput } from "./command/process.ts";
import { cancelCommands, killCommands, runCommand } from "./command/process.ts";
import { EngineLog } from "./engine-log.ts";
import { notOffered } from "./plugin-error.ts";
import type { PropertyMap } from "./property-values.ts";
import {
  containsSecret,
  containsUnknown,
  readProperties,
  reveal,
  secret,
  unknownValue,
  writeProperties,
} from "./property-values.ts";
import { Empty } from "./protobuf.ts";
import { introduction } from "./introduction.ts";
import { engineAddress, servePlugin } from "./serve-plugin.ts";
import { resourceName, resourceType } from "./urn.ts";
import { commandVersion } from "./versions.ts";

/** Stands in for pulumi-resource-command as far as this project uses it: command:local:Command. */

const log = new EngineLog();
log.connect(engineAddress());

servePlugin<IResourceProviderServer>({
  name: "command provider",
  service: providerGrpc.ResourceProviderService,
  methods: {
    ...introduction(log, commandVersion),
    checkConfig: (request) => {
      const response = new provider.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    },
    diffConfig: () => diffResponse([], []),
    configure: () => {
      const response = new provider.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    },
    check,
    // Ignored changes are no matter here: the engine has put the old values in their place.
    diff: (request) => {
      requireLocalCommand(request.getUrn());
      const { changed, replacing } = findChanges(
        readProperties(request.getOldInputs()),
        readProperties(request.getNews()),
      );
      return diffResponse(changed, replacing);
    },
    create: async (request) => {
      requireLocalCommand(request.getUrn());
      const news = readProperties(request.getProperties());
      const response = new provider.CreateResponse();
      const script = readCommandInputs(news).create;
      const outputs = await apply({
        urn: request.getUrn(),
        script,
        scriptName: "create",
        news,
        preview: request.getPreview(),
      });
      if (!request.getPreview()) response.setId(`${resourceName(request.getUrn())}${randomBytes(4).toString("hex")}`);
      response.setProperties(writeProperties(outputs));
      return response;
    },
    update: async (request) => {
      requireLocalCommand(request.getUrn());
      const news = readProperties(request.getNews());
      const inputs = readCommandInputs(news);
      const scriptName = inputs.update === undefined ? "create" : "update";
      const response = new provider.UpdateResponse();
      const outputs = await apply({
        urn: request.getUrn(),
        script: inputs[scriptName],
        scriptName,
        news,
        olds: readProperties(request.getOlds()),
        preview: request.getPreview(),
      });
      response.setProperties(writeProperties(outputs));
      return response;
    },
    delete: async (request) => {
      requireLocalCommand(request.getUrn());
      const state = readProperties(request.getProperties());
      const inputs = readCommandInputs(state);
      if (inputs.delete !== undefined)
        await run(request.getUrn(), inputs, inputs.delete, containsSecret(state.delete), state);
      return new Empty();
    },
    // Nothing to look at: what a command did is known only to the command. The real provider answers the same.
    read: (request) => {
      requireLocalCommand(request.getUrn());
      const response = new provider.ReadResponse();
      response.setId(request.getId());
      response.setProperties(request.getProperties());
      response.setInputs(request.getInputs());
      return response;
    },
    invoke: (request) => Promise.reject(notOffered(`function ${request.getTok()}`)),
    call: (request) => Promise.reject(notOffered(`method ${request.getTok()}`)),
    construct: (request) => Promise.reject(notOffered(`component ${request.getType()}`)),
    cancel: () => {
      void cancelCommands(); // advisory: the commands' own calls report how they ended
      return new Empty();
    },
  },
  stop: killCommands,
});

function requireLocalCommand(urn: string): void {
  const type = resourceType(urn);
  if (type !== "command:local:Command") throw notOffered(`resource type ${type}`);
}

function check(request: provider.CheckRequest): provider.CheckResponse {
  requireLocalCommand(request.getUrn());
  const response = new provider.CheckResponse();
  response.setInputs(request.getNews());
  response.setFailuresList(
    findInputFailures(readProperties(request.getNews())).map(({ property, reason }) => {
      const failure = new provider.CheckFailure();
      failure.setProperty(property);
      failure.setReason(`${property} ${reason}`);
      return failure;
    }),
  );
  return response;
}

function diffResponse(changed: string[], replacing: string[]): provider.DiffResponse {
  const response = new provider.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = provider.DiffResponse.DiffChanges;
  response.setChanges(changed.length === 0 ? DIFF_NONE : DIFF_SOME);
  response.setDiffsList(changed);
  response.setReplacesList(replacing);
  return response;
}

interface Change {
  urn: string;
  script: string | undefined;
  scriptName: "create" | "update";
  news: PropertyMap;
  olds?: PropertyMap;
  preview: boolean;
}

/** Creates or updates: runs the script, if there is one, and returns the resource's properties. */
async function apply({ urn, script, scriptName, news, olds = {}, preview }: Change): Promise<PropertyMap> {
  const before = { stdout: olds.stdout ?? "", stderr: olds.stderr ?? "" };
  if (script === undefined) return { ...news, ...before };
  if (preview || containsUnknown(news)) return { ...news, stdout: unknownValue, stderr: unknownValue };
  const output = await run(urn, readCommandInputs(news), script, containsSecret(news[scriptName]), olds);
  // What a command prints may repeat what it was given.
  const shield = (text: string) => (containsSecret(news) ? secret(text) : text);
  return { ...news, stdout: shield(output.stdout), stderr: shield(output.stderr) };
}

async function run(
  urn: string,
  inputs: CommandInputs,
  script: string,
  scriptIsSecret: boolean,
  state: PropertyMap,
): Promise<CommandOutput> {
  return runCommand({
    script,
    inputs,
    scriptIsSecret,
    previous: { stdout: textOf(state, "stdout"), stderr: textOf(state, "stderr") },
    onLine: (line) => log.status(urn, line),
  });
}

function textOf(state: PropertyMap, name: string): string {
  const value = reveal(state[name] ?? "");
  return typeof value === "string" ? value : "";
}
