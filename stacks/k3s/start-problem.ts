/** What keeps K3s from starting or joining, and what to do about it. */
export interface StartProblem {
  readonly cause: string;
  readonly next: string;
}

/** What a server says of others that call it, and a kubelet of images: no news of the node itself. */
const ofOthers =
  /Failed to authenticate request from|Refused certificates for node|Sending HTTP \d+ response to (?!127\.0\.0\.1|\[::1\])|TLS handshake error from|pull(ing)? image|ErrImagePull|ImagePullBackOff/i;

/**
 * K3s's own words for what will not mend itself (k3s-io/k3s: pkg/clientaccess/token.go, pkg/agent/config/config.go,
 * pkg/nodepassword, pkg/cluster/storage.go, pkg/etcd/etcd.go; kubelet; Go's crypto/x509). The first that fits counts.
 */
const known: readonly (StartProblem & { readonly words: RegExp })[] = [
  {
    words: /token CA hash does not match/i,
    cause: "the cluster that answers has another certificate authority than this site's",
    next: "see whose cluster answers at the server's address",
  },
  {
    words: /bootstrap data already found and encrypted with different token/i,
    cause: "its cluster was made with another token",
    next: "set k3s.tokenGeneration to the one that the cluster has",
  },
  {
    words: /Node password rejected|unable to verify hash for node/i,
    cause: "another board has taken its name in the cluster: its node password is rejected",
    next: "give one of both another name, or delete the secret <node>.node-password.k3s in kube-system if that board is gone",
  },
  {
    words: /not authorized|401 Unauthorized|invalid username\/password/i,
    cause: "the server refuses its join token",
    next: "set k3s.tokenGeneration to the one that the cluster has",
  },
  {
    words: /certificate has expired or is not yet valid/i,
    cause: "certificates are not valid by its clock, or have expired",
    next: "see its clock (timeServers), and the servers'",
  },
  {
    words: /certificate signed by unknown authority|x509: certificate is (not valid|valid for .* not)/i,
    cause: "it does not trust the server that answers",
    next: "see whose cluster answers at the server's address",
  },
  {
    words: /duplicate node name found/i,
    cause: "etcd still has a member of its name",
    next: "delete its Node (kubectl delete node), then run `pulumi up` again",
  },
  {
    words: /not a member of the etcd cluster|(permanently|has been) removed from the cluster/i,
    cause: "the cluster has removed this server",
    next: "write a new card for it (generation + 1), and it joins again",
  },
  {
    words: /newer than datastore and could cause a cluster outage/i,
    cause: "files of its own are newer than what the cluster keeps of them",
    next: "delete those that the line in its journal names (journalctl -u k3s)",
  },
  {
    words: /critical configuration (value )?mismatch/i,
    cause: "its settings are others than those that the cluster was made with",
    next: "undo what was changed under k3s (its ranges, secretsEncryption, extra): its journal names it (journalctl -u k3s)",
  },
  {
    words: /failed to find memory cgroup|memory cgroup.*(disabled|not)/i,
    cause: "its kernel cannot limit memory",
    next: "add cgroup_enable=memory to cmdline.txt on its boot partition and reboot it",
  },
  {
    words: /no space left on device/i,
    cause: "its disk is full",
    next: "make room there: old images, snapshots, results; or give it a dataDisk",
  },
  {
    words: /bind: address already in use/i,
    cause: "something else listens on a port that K3s needs",
    next: "see what it is (ss -ltnp) and stop it",
  },
];

/** The problem that a journal of K3s's tells of, newest lines last; undefined where it tells of none that will stay. */
export function startProblem(lines: readonly string[]): StartProblem | undefined {
  for (const line of lines.toReversed()) {
    const found = ofOthers.test(line) ? undefined : known.find(({ words }) => words.test(line));
    if (found !== undefined) return { cause: found.cause, next: found.next };
  }
  return undefined;
}
