// SPDX-License-Identifier: Apache-2.0
/** What was measured, as JSON, as Markdown and as pictures. */
package dev.rapt.peers.report;
