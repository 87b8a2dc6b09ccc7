import { createRequire } from "node:module";

// Protobuf's JavaScript classes register themselves globally, so two copies of the package spoil each other's messages.
// The copy to use is the one that Pulumi's own messages are made of, wherever npm has put it.
const require = createRequire(import.meta.resolve("@pulumi/pulumi/proto/provider_pb.js"));

type AnyModule = typeof import("google-protobuf/google/protobuf/any_pb.js");
type EmptyModule = typeof import("google-protobuf/google/protobuf/empty_pb.js");
type StructModule = typeof import("google-protobuf/google/protobuf/struct_pb.js");

export const { Any } = require("google-protobuf/google/protobuf/any_pb.js") as AnyModule;
export const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js") as EmptyModule;
export const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js") as StructModule;
