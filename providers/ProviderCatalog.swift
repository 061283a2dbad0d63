// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Every vendor this build can talk to.
///
/// A new vendor is a folder beside this file and one line below.
public enum ProviderCatalog {
    /// The vendors, in the order in which they are tried when nothing else is configured: whoever sells the models of all
    /// others comes behind them.
    public static let all: [any ImageTaskProvider.Type] = [
        GeminiProvider.self,
        ImagenProvider.self,
        AiToEarnProvider.self,
        HingNetProvider.self,
    ]
}
