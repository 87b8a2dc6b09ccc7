/**
 * Writes pi-2's card of the example site in a process of its own: `node write-example-card.ts image size to [step bytes]`. It ends
 * itself by SIGKILL once so many bytes of the step (write or verify) are done, and by exit code 1 and a UserError's message on stderr.
 */
import { UserError } from "../../../stacks/user-error.ts";
import { writeCard } from "../../../stacks/cards/write-card.ts";
import { exampleContent, localImage } from "./example-card.ts";

const [image = "", size = "", to = "", deadlyStep, bytes = ""] = process.argv.slice(2);
try {
  await writeCard({
    image: localImage(image, Number(size)),
    content: exampleContent,
    to,
    progress: (step, done) => {
      if (step === deadlyStep && done >= Number(bytes)) process.kill(process.pid, "SIGKILL");
    },
  });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
