import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import type { PropertyMap } from "../../../twin/plugins/property-values.ts";
import { readProperties, writeProperties } from "../../../twin/plugins/property-values.ts";
import { Empty } from "../../../twin/plugins/protobuf.ts";
import { call } from "./plugin-client.ts";

export interface Checked {
  inputs: PropertyMap;
  failures: { property: string; reason: string }[];
}
export interface Diffed {
  changed: boolean;
  replaces: string[];
  deleteBeforeReplace: boolean;
  paths: string[];
}
export interface Stored {
  id: string;
  properties: PropertyMap;
}

/** A resource provider, spoken to as the engine speaks, in plain values. */
export class ProviderClient {
  readonly grpc: providerGrpc.ResourceProviderClient;

  constructor(address: string) {
    this.grpc = new providerGrpc.ResourceProviderClient(address, grpc.credentials.createInsecure());
  }

  async configure(variables: Record<string, string>): Promise<provider.ConfigureResponse> {
    const request = new provider.ConfigureRequest();
    for (const [name, value] of Object.entries(variables)) request.getVariablesMap().set(name, value);
    request.setAcceptsecrets(true);
    return call<provider.ConfigureResponse>((reply) => this.grpc.configure(request, reply));
  }

  async check(urn: string, news: PropertyMap, olds?: PropertyMap): Promise<Checked> {
    const request = new provider.CheckRequest();
    request.setUrn(urn);
    request.setNews(writeProperties(news));
    if (olds !== undefined) request.setOlds(writeProperties(olds));
    const response = await call<provider.CheckResponse>((reply) => this.grpc.check(request, reply));
    return { inputs: readProperties(response.getInputs()), failures: response.toObject().failuresList };
  }

  async diff(urn: string, old: { inputs: PropertyMap; state: PropertyMap }, news: PropertyMap): Promise<Diffed> {
    const request = new provider.DiffRequest();
    request.setUrn(urn);
    request.setOldInputs(writeProperties(old.inputs));
    request.setOlds(writeProperties(old.state));
    request.setNews(writeProperties(news));
    return diffed(await call<provider.DiffResponse>((reply) => this.grpc.diff(request, reply)));
  }

  async diffConfig(olds: PropertyMap, news: PropertyMap): Promise<Diffed> {
    const request = new provider.DiffRequest();
    request.setOldInputs(writeProperties(olds));
    request.setOlds(writeProperties(olds));
    request.setNews(writeProperties(news));
    return diffed(await call<provider.DiffResponse>((reply) => this.grpc.diffConfig(request, reply)));
  }

  async create(
    urn: string,
    properties: PropertyMap,
    options: { preview?: boolean; timeout?: number } = {},
  ): Promise<Stored> {
    const request = new provider.CreateRequest();
    request.setUrn(urn);
    request.setProperties(writeProperties(properties));
    request.setPreview(options.preview ?? false);
    request.setTimeout(options.timeout ?? 0);
    const response = await call<provider.CreateResponse>((reply) => this.grpc.create(request, reply));
    return { id: response.getId(), properties: readProperties(response.getProperties()) };
  }

  async update(
    urn: string,
    old: Stored,
    news: PropertyMap,
    options: { preview?: boolean; timeout?: number; ignoreChanges?: string[] } = {},
  ): Promise<PropertyMap> {
    const request = new provider.UpdateRequest();
    request.setUrn(urn);
    request.setId(old.id);
    request.setOlds(writeProperties(old.properties));
    request.setNews(writeProperties(news));
    request.setPreview(options.preview ?? false);
    request.setIgnorechangesList(options.ignoreChanges ?? []);
    request.setTimeout(options.timeout ?? 0);
    return readProperties(
      (await call<provider.UpdateResponse>((reply) => this.grpc.update(request, reply))).getProperties(),
    );
  }

  async delete(urn: string, old: Stored, timeout = 0): Promise<void> {
    const request = new provider.DeleteRequest();
    request.setUrn(urn);
    request.setId(old.id);
    request.setProperties(writeProperties(old.properties));
    request.setTimeout(timeout);
    await call<unknown>((reply) => this.grpc.delete(request, reply));
  }

  async read(urn: string, old: Stored, inputs: PropertyMap): Promise<Stored & { inputs: PropertyMap }> {
    const request = new provider.ReadRequest();
    request.setUrn(urn);
    request.setId(old.id);
    request.setProperties(writeProperties(old.properties));
    request.setInputs(writeProperties(inputs));
    const response = await call<provider.ReadResponse>((reply) => this.grpc.read(request, reply));
    return {
      id: response.getId(),
      properties: readProperties(response.getProperties()),
      inputs: readProperties(response.getInputs()),
    };
  }

  async invoke(token: string): Promise<void> {
    const request = new provider.InvokeRequest();
    request.setTok(token);
    await call<provider.InvokeResponse>((reply) => this.grpc.invoke(request, reply));
  }

  async cancel(): Promise<void> {
    await call<unknown>((reply) => this.grpc.cancel(new Empty(), reply));
  }
}

function diffed(response: provider.DiffResponse): Diffed {
  return {
    changed: response.getChanges() === provider.DiffResponse.DiffChanges.DIFF_SOME,
    replaces: response.getReplacesList().sort(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
    paths: [
      ...response.getDiffsList(),
      ...response
        .getDetaileddiffMap()
        .toArray()
        .map(([path]) => path),
    ].sort(),
  };
}
