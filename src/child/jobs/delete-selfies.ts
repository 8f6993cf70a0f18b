import { ErrorCode, type Job } from 'bullmq';

/** What stands in the place of a selfie once its job has ended. */
const REMOVED = null;

/**
 * Takes the selfies out of an ended job's data. The rest of it stays, for whoever looks at the queue. A job
 * that is not kept (`removeOnComplete`) has nothing to be taken out of.
 */
export async function deleteSelfies(job: Job): Promise<void> {
  const { image, images, ...rest } = job.data as { image?: unknown; images?: unknown };
  if (image === undefined && images === undefined) return;
  const kept = {
    ...rest,
    ...(image !== undefined && { image: REMOVED }),
    ...(images !== undefined && { images: REMOVED }),
  };
  try {
    await job.updateData(kept);
  } catch (error) {
    if ((error as { code?: unknown }).code !== ErrorCode.JobNotExist) throw error;
  }
}
