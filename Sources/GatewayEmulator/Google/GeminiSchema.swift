// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The fields of `generateContent`, as the Gemini API takes them.
enum GeminiSchema {
    /// The message of an API version.
    static func request(version: String) -> ProtoMessage {
        version == "v1" ? request.with("generationConfig", .message(generationConfigV1)) : request
    }

    private static let request: ProtoMessage = [
        "model": .text,
        "contents": .list(.message(content)),
        "systemInstruction": .message(content),
        "generationConfig": .message(generationConfig),
        "safetySettings": .list(.message(safetySetting)),
        "tools": .list(.message(tool)),
        "toolConfig": .any,
        "cachedContent": .text,
        "serviceTier": .text,
    ]

    private static let content: ProtoMessage = [
        "role": .text,
        "parts": .list(.message(part)),
    ]

    private static let part: ProtoMessage = [
        "text": .text,
        "inlineData": .message(["mimeType": .text, "data": .bytes]),
        "fileData": .message(["mimeType": .text, "fileUri": .text]),
        "thought": .bool,
        "thoughtSignature": .bytes,
        "functionCall": .any,
        "functionResponse": .any,
        "executableCode": .any,
        "codeExecutionResult": .any,
        "videoMetadata": .any,
        "partMetadata": .any,
        "mediaResolution": .any,
    ]

    private static let generationConfig: ProtoMessage = [
        "responseModalities": .list(
            .enumeration(
                type: "GenerationConfig.Modality",
                values: ["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO"],
                ignoresCase: true
            )
        ),
        "imageConfig": .message(["aspectRatio": .text, "imageSize": .text]),
        "thinkingConfig": .message([
            "thinkingLevel": .enumeration(
                type: "ThinkingConfig.ThinkingLevel",
                values: ["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"],
                ignoresCase: true
            ),
            "includeThoughts": .bool,
            "thinkingBudget": .integer,
        ]),
        "seed": .integer,
        "candidateCount": .integer,
        "maxOutputTokens": .integer,
        "temperature": .number,
        "topP": .number,
        "topK": .number,
        "stopSequences": .list(.text),
        "presencePenalty": .number,
        "frequencyPenalty": .number,
        "responseLogprobs": .bool,
        "logprobs": .integer,
        "responseMimeType": .text,
        "responseSchema": .any,
        "responseJsonSchema": .any,
        "enableEnhancedCivicAnswers": .bool,
        "speechConfig": .any,
        "mediaResolution": .text,
    ]

    /// The stable version does not know what came with pictures.
    private static let generationConfigV1 = generationConfig.without(
        "responseModalities",
        "imageConfig",
        "thinkingConfig",
        "speechConfig",
        "mediaResolution",
        "responseJsonSchema"
    )

    private static let safetySetting: ProtoMessage = [
        "category": .enumeration(
            type: "HarmCategory",
            values: [
                "HARM_CATEGORY_HARASSMENT", "HARM_CATEGORY_HATE_SPEECH", "HARM_CATEGORY_SEXUALLY_EXPLICIT",
                "HARM_CATEGORY_DANGEROUS_CONTENT", "HARM_CATEGORY_CIVIC_INTEGRITY",
            ]
        ),
        "threshold": .enumeration(
            type: "SafetySetting.HarmBlockThreshold",
            values: ["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"]
        ),
    ]

    private static let tool: ProtoMessage = [
        "googleSearch": .any,
        "googleSearchRetrieval": .any,
        "functionDeclarations": .any,
        "codeExecution": .any,
        "urlContext": .any,
        "fileSearch": .any,
        "googleMaps": .any,
    ]
}
