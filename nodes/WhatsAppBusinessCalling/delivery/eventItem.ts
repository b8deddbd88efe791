import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import {
	announcedFile,
	callFields,
	item,
	problemFields,
	rawEvent,
	unreadableFile,
} from '../events/items';
import type { CallEvent } from '../events/parseDelivery';
import { parseSha256 } from '../media/sha256';
import type { FileContext, MediaOutcome, MediaProblem, MediaRequest } from '../media/types';
import type { ItemSettings } from '../trigger/itemSettings';
import type { DeliveryLog } from './deliveryLog';
import { fileItem } from './fileItem';

/** How the files of events are downloaded. */
export interface FileSource {
	context: FileContext;
	download: (request: MediaRequest) => Promise<MediaOutcome>;
	/** Gives the signal that ends the reading of a transcript from n8n's store; called when its file is stored. */
	signal: () => AbortSignal;
}

export interface EventItem {
	item: INodeExecutionData;
	/** Why the file that the event names is not in the item; null if it is, or if it was not to be downloaded. */
	problem: MediaProblem | null;
}

/**
 * Makes the item of an event, with its file if the operator wants it.
 *
 * @throws what n8n's store throws when it cannot read back a transcript that it has stored
 */
export async function eventItem(
	event: CallEvent,
	settings: ItemSettings,
	files: FileSource,
	log: DeliveryLog,
): Promise<EventItem> {
	const raw = settings.includeRawEvent || event.isIncomplete ? { rawEvent: rawEvent(event) } : {};
	if (event.file === null) return complete(item({ ...callFields(event), ...raw }));

	const { property, media } = event.file;
	const announced = announcedFile(event, property, media);
	const withFile = (file: IDataObject) => item({ ...callFields(event, file), ...raw });
	if (media === null) {
		log.warn(
			`an event "${event.type.name}" names no file that can be read: see rawEvent in its item`,
		);
		return complete(withFile(problemFields(announced, unreadableFile(property))));
	}
	if (!settings.downloadFile) return complete(withFile(announced));

	const outcome = await files.download({
		mediaId: media.id,
		phoneNumberId: event.phoneNumberId,
		url: media.url,
		eventAt: event.call.timestamp,
		sha256: parseSha256(media.sha256),
		mimeType: media.mimeType,
		property,
		maxBytes: settings.maxBytes,
		allowUnverified: false,
	});
	if (!outcome.ok) {
		const { problem } = outcome;
		return { item: withFile(problemFields(announced, problem)), problem };
	}
	const { json } = withFile(announced);
	const { context, signal } = files;
	const { binaryPropertyName } = settings;
	return complete(
		await fileItem(context, json, property, outcome.file, binaryPropertyName, signal()),
	);
}

const complete = (made: INodeExecutionData): EventItem => ({ item: made, problem: null });
